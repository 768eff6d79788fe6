package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"hash/adler32"
	"net/http"
	"os"
	"regexp"
	"slices"
	"sync"

	"github.com/dgraph-io/badger/v4"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// The reflector reads lists with go-containerregistry, drops excluded tags, sorts the rest in descending order, stores
// them with Badger as JSON, and evaluates the policies of a list whose checksum has changed.

const excluded = `^.*\.sig$`

var (
	databases = map[string]*badger.DB{}
	checksums = map[string]uint32{}
)

// database opens a store in a folder, once.
func database(folder string) (*badger.DB, error) {
	if found, known := databases[folder]; known {
		return found, nil
	}
	found, err := badger.Open(badger.DefaultOptions(folder).WithLogger(nil))
	if err == nil {
		databases[folder] = found
	}
	return found, err
}

// each does something for every repository, so many at once as the request says.
func each(request Request, one func(number int) error) error {
	numbers := make(chan int)
	failures := make(chan error, request.Concurrent)
	var workers sync.WaitGroup
	for range request.Concurrent {
		workers.Add(1)
		go func() {
			defer workers.Done()
			var first error
			for number := range numbers {
				if first == nil {
					first = one(number)
				}
			}
			if first != nil {
				failures <- first
			}
		}()
	}
	for number := range request.Count {
		numbers <- number
	}
	close(numbers)
	workers.Wait()
	close(failures)
	return <-failures
}

func imageRepository(request Request, number int) (name.Repository, error) {
	var options []name.Option
	if request.Certificate == "" {
		options = append(options, name.Insecure)
	}
	return name.NewRepository(fmt.Sprintf("%s/bench/r%d", request.Address, number), options...)
}

// reach is the controller's transport, with which all of its requests go out, and which trusts the registry.
func reach(request Request) (*http.Transport, error) {
	found := remote.DefaultTransport.(*http.Transport).Clone()
	if request.Certificate == "" {
		return found, nil
	}
	content, err := os.ReadFile(request.Certificate)
	if err != nil {
		return nil, err
	}
	trusted := x509.NewCertPool()
	trusted.AppendCertsFromPEM(content)
	found.TLSClientConfig = &tls.Config{RootCAs: trusted}
	return found, nil
}

// registry is how a registry is reached: as the controller does, which asks before each list and each digest whether it
// wants credentials, or asked once for all, which makes a rival that is harder to beat.
func registry(request Request) (remote.Option, error) {
	base, err := reach(request)
	if err != nil {
		return nil, err
	}
	if request.AskEach {
		return remote.WithTransport(base), nil
	}
	first, err := imageRepository(request, 0)
	if err != nil {
		return nil, err
	}
	scopes := []string{first.Scope(transport.PullScope)}
	found, err := transport.NewWithContext(context.Background(), first.Registry, authn.Anonymous, base, scopes)
	return remote.WithTransport(found), err
}

func listed(request Request, at remote.Option, number int) ([]string, error) {
	from, err := imageRepository(request, number)
	if err != nil {
		return nil, err
	}
	return remote.List(from, at)
}

// listing reads all lists and keeps none.
func listing(request Request) (Work, error) {
	return func() (any, error) {
		at, err := registry(request)
		if err != nil {
			return nil, err
		}
		counts := make([]int, request.Count)
		err = each(request, func(number int) error {
			tags, err := listed(request, at, number)
			counts[number] = len(tags)
			return err
		})
		total := 0
		for _, count := range counts {
			total += count
		}
		return total, err
	}, nil
}

// scanning reads all lists, stores them, and evaluates a policy for each list that has changed since the last time.
func scanning(request Request) (Work, error) {
	store, err := database(request.Database)
	if err != nil {
		return nil, err
	}
	var lock sync.Mutex
	return func() (any, error) {
		at, err := registry(request)
		if err != nil {
			return nil, err
		}
		evaluated := 0
		err = each(request, func(number int) error {
			tags, err := listed(request, at, number)
			if err != nil {
				return err
			}
			changed, err := stored(store, &lock, fmt.Sprintf("%s/bench/r%d", request.Database, number), tags)
			if err != nil || !changed {
				return err
			}
			_, err = evaluate(store, request, fmt.Sprintf("%s/bench/r%d", request.Database, number))
			lock.Lock()
			evaluated++
			lock.Unlock()
			return err
		})
		return evaluated, err
	}, nil
}

func stored(store *badger.DB, lock *sync.Mutex, key string, tags []string) (bool, error) {
	sign, err := regexp.Compile(excluded)
	if err != nil {
		return false, err
	}
	kept := slices.DeleteFunc(tags, sign.MatchString)
	slices.Sort(kept)
	slices.Reverse(kept)
	content, err := json.Marshal(kept)
	if err != nil {
		return false, err
	}
	err = store.Update(func(transaction *badger.Txn) error { return transaction.Set([]byte("tags:"+key), content) })
	checksum := adler32.Checksum(content)
	lock.Lock()
	defer lock.Unlock()
	before, known := checksums[key]
	checksums[key] = checksum
	return !known || before != checksum, err
}

func evaluate(store *badger.DB, request Request, key string) (string, error) {
	var tags []string
	err := store.View(func(transaction *badger.Txn) error {
		item, err := transaction.Get([]byte("tags:" + key))
		if err != nil {
			return err
		}
		return item.Value(func(content []byte) error { return json.Unmarshal(content, &tags) })
	})
	if err != nil {
		return "", err
	}
	return selected(request, tags)
}

// resolvingDigests asks for the digest of a tag of every repository.
func resolvingDigests(request Request) (Work, error) {
	return func() (any, error) {
		at, err := registry(request)
		if err != nil {
			return nil, err
		}
		digests := make([]string, request.Count)
		err = each(request, func(number int) error {
			from, err := imageRepository(request, number)
			if err != nil {
				return err
			}
			found, err := remote.Head(from.Tag(request.Tag), at)
			if err == nil {
				digests[number] = found.Digest.String()
			}
			return err
		})
		slices.Sort(digests)
		return len(slices.Compact(digests)), err
	}, nil
}
