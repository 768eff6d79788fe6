package main

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/kio"
	"sigs.k8s.io/kustomize/kyaml/kio/kioutil"
	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// The automation controller's setter is kyaml's: it reads the YAML files that contain the marker, parses them into
// nodes, sets the marked ones, and writes the files that have changed. Its package is not among the published modules,
// so that the visit of the nodes is made here, with the least that it needs.

const marker = `"$imagepolicy"`

type markerComment struct {
	Policy string `json:"$imagepolicy"`
}

// setting changes the marked values of a folder; the changed files are written below the out folder.
func setting(request Request) Work {
	return func() (any, error) { return set(request.Folder, request.Out, request.Images) }
}

func set(folder, out string, images map[string]string) (int, error) {
	nodes, err := markedNodes(folder)
	if err != nil {
		return 0, err
	}
	changed := map[string]bool{}
	for _, node := range nodes {
		path, _, err := kioutil.GetFileAnnotations(node)
		if err != nil {
			return 0, err
		}
		if setNode(node.YNode(), images) > 0 {
			changed[path] = true
		}
	}
	written := slices.DeleteFunc(nodes, func(node *yaml.RNode) bool {
		path, _, _ := kioutil.GetFileAnnotations(node)
		return !changed[path]
	})
	return len(changed), kio.LocalPackageWriter{PackagePath: out}.Write(written)
}

func markedNodes(folder string) ([]*yaml.RNode, error) {
	var found []*yaml.RNode
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && entry.Name() == ".git" {
			return filepath.SkipDir
		}
		if extension := filepath.Ext(path); entry.IsDir() || (extension != ".yaml" && extension != ".yml") {
			return nil
		}
		content, err := os.ReadFile(path)
		if err != nil || !bytes.Contains(content, []byte(marker)) {
			return err
		}
		relative, err := filepath.Rel(folder, path)
		if err != nil {
			return err
		}
		reader := kio.ByteReader{
			Reader:         bytes.NewReader(content),
			SetAnnotations: map[string]string{kioutil.PathAnnotation: relative},
		}
		nodes, err := reader.Read()
		found = append(found, nodes...)
		return err
	})
	return found, err
}

// setNode sets the marked scalars below a node and returns how many have changed.
func setNode(node *yaml.Node, images map[string]string) int {
	changed := 0
	for _, child := range node.Content {
		changed += setNode(child, images)
	}
	if node.Kind != yaml.ScalarNode || !strings.Contains(node.LineComment, marker) {
		return changed
	}
	var comment markerComment
	if json.Unmarshal([]byte(strings.TrimLeft(node.LineComment, "# ")), &comment) != nil {
		return changed
	}
	if image, known := images[comment.Policy]; known && node.Value != image {
		node.Value = image
		changed++
	}
	return changed
}
