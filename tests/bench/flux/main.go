// The driver does, with the packages that Flux's image controllers are made of, the work that `make bench` also gives
// to tagstream, and tells what it took.
//
// It reads one JSON object a line from its standard input and answers each with one line:
//
//	{"do": "select", …}  →  {"seconds": 0.012, "cpu": 0.013, "answer": "1.2.3"}
//
// Seconds are those of the work alone, without the start of this process and the reading of its inputs. An error ends
// the process, since a row that fails must not look like a fast one. With arguments, the driver does one piece of work
// as a process of its own: `driver set FOLDER OUT NAMESPACE:NAME=IMAGE`.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"
)

// Request names the work and its inputs; each kind of work reads the fields that it needs.
type Request struct {
	Do string `json:"do"`

	// Selecting.
	File    string `json:"file"`
	Semver  string `json:"semver"`
	Order   string `json:"order"`
	Kind    string `json:"kind"`
	Pattern string `json:"pattern"`
	Extract string `json:"extract"`

	// Asking a registry.
	Address     string `json:"address"`
	Certificate string `json:"certificate"`
	AskEach     bool   `json:"askEach"`
	Count       int    `json:"count"`
	Concurrent  int    `json:"concurrent"`
	Tag         string `json:"tag"`
	Database    string `json:"database"`

	// Setting and committing.
	Folder string            `json:"folder"`
	Out    string            `json:"out"`
	Images map[string]string `json:"images"`
	URL    string            `json:"url"`
	Branch string            `json:"branch"`
	Path   string            `json:"path"`
	Seen   string            `json:"seen"`
}

// Work is timed: it returns what the bench compares with tagstream's answer.
type Work func() (any, error)

// prepare reads the inputs of a request and returns the work that is timed.
func prepare(request Request) (Work, error) {
	switch request.Do {
	case "select":
		return selecting(request)
	case "list":
		return listing(request)
	case "scan":
		return scanning(request)
	case "digests":
		return resolvingDigests(request)
	case "set":
		return setting(request), nil
	case "look":
		return looking(request), nil
	case "update":
		return updating(request), nil
	}
	return nil, fmt.Errorf("unknown work %q", request.Do)
}

func cpuSeconds() float64 {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		fail(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano()).Seconds()
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func answer(request Request) map[string]any {
	work, err := prepare(request)
	if err != nil {
		fail(err)
	}
	cpu, begin := cpuSeconds(), time.Now()
	found, err := work()
	seconds := time.Since(begin).Seconds()
	if err != nil {
		fail(fmt.Errorf("%s: %w", request.Do, err))
	}
	return map[string]any{"seconds": seconds, "cpu": cpuSeconds() - cpu, "answer": found}
}

func main() {
	if len(os.Args) == 5 && os.Args[1] == "set" {
		name, image, _ := strings.Cut(os.Args[4], "=")
		answer(Request{Do: "set", Folder: os.Args[2], Out: os.Args[3], Images: map[string]string{name: image}})
		return
	}
	lines := bufio.NewReader(os.Stdin)
	writer := json.NewEncoder(os.Stdout)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return
		}
		var request Request
		if err := json.Unmarshal(line, &request); err != nil {
			fail(err)
		}
		if err := writer.Encode(answer(request)); err != nil {
			fail(err)
		}
	}
}
