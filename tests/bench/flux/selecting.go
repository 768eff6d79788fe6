package main

import (
	"errors"
	"os"
	"regexp"
	"strconv"
	"strings"

	"github.com/Masterminds/semver/v3"
	"github.com/fluxcd/pkg/version"
)

var errNoTag = errors.New("no tag is selected")

// The reflector's own policies are internal. What they do is documented with ImagePolicy: semver ranges of Masterminds'
// library over the versions that Flux's own package reads, floats, and byte order; a filter keeps one tag for a value.

var tagLists = map[string][]string{}

// tagsOf reads a file with a tag a line; the file is read once.
func tagsOf(path string) ([]string, error) {
	if tags, known := tagLists[path]; known {
		return tags, nil
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	tagLists[path] = strings.Fields(string(content))
	return tagLists[path], nil
}

// selecting compiles the policy inside the timed work, as each reconciliation of a policy does.
func selecting(request Request) (Work, error) {
	tags, err := tagsOf(request.File)
	if err != nil {
		return nil, err
	}
	return func() (any, error) { return selected(request, tags) }, nil
}

func selected(request Request, tags []string) (string, error) {
	if request.Pattern == "" {
		return latest(request, tags)
	}
	tagOf, err := filtered(request, tags)
	if err != nil {
		return "", err
	}
	values := make([]string, 0, len(tagOf))
	for value := range tagOf {
		values = append(values, value)
	}
	value, err := latest(request, values)
	return tagOf[value], err
}

func filtered(request Request, tags []string) (map[string]string, error) {
	pattern, err := regexp.Compile(request.Pattern)
	if err != nil {
		return nil, err
	}
	tagOf := map[string]string{}
	for _, tag := range tags {
		groups := pattern.FindStringSubmatchIndex(tag)
		if groups == nil {
			continue
		}
		value := tag
		if request.Extract != "" {
			value = string(pattern.ExpandString(nil, request.Extract, tag, groups))
		}
		tagOf[value] = tag
	}
	return tagOf, nil
}

func latest(request Request, values []string) (string, error) {
	if len(values) == 0 {
		return "", errNoTag
	}
	switch request.Kind {
	case "semver":
		return latestVersion(request.Semver, values)
	case "numerical":
		return latestNumber(request.Order, values)
	}
	best := values[0]
	for _, value := range values[1:] {
		if (value > best) == (request.Order == "asc") {
			best = value
		}
	}
	return best, nil
}

func latestVersion(text string, values []string) (string, error) {
	wanted, err := semver.NewConstraint(text)
	if err != nil {
		return "", err
	}
	var best *semver.Version
	for _, value := range values {
		found, err := version.ParseVersion(value)
		if err == nil && wanted.Check(found) && (best == nil || found.GreaterThan(best)) {
			best = found
		}
	}
	if best == nil {
		return "", errNoTag
	}
	return best.Original(), nil
}

func latestNumber(order string, values []string) (string, error) {
	best, highest := "", 0.0
	for index, value := range values {
		number, err := strconv.ParseFloat(value, 64)
		if err != nil {
			return "", err
		}
		if index == 0 || (order == "asc") == (number >= highest) {
			best, highest = value, number
		}
	}
	return best, nil
}
