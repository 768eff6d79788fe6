package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	"github.com/fluxcd/pkg/git"
	"github.com/fluxcd/pkg/git/gogit"
	"github.com/fluxcd/pkg/git/repository"
)

var errNotSkipped = errors.New("the clone was not skipped, though the branch has not moved")

// The automation controller clones with Flux's own Git client, which is published: shallow, one branch, and only the
// folder of `update.path`. When the branch is where it was last seen, it does not clone.

func cloned(request Request, folder string) (*gogit.Client, *git.Commit, error) {
	client, err := gogit.NewClient(folder, &git.AuthOptions{Transport: git.HTTP}, gogit.WithDiskStorage())
	if err != nil {
		return nil, nil, err
	}
	wanted := repository.CloneConfig{
		CheckoutStrategy:   repository.CheckoutStrategy{Branch: request.Branch},
		ShallowClone:       true,
		LastObservedCommit: request.Seen,
	}
	if request.Path != "" {
		wanted.SparseCheckoutDirectories = []string{request.Path}
	}
	commit, err := client.Clone(context.Background(), request.URL, wanted)
	return client, commit, err
}

// looking finds that nothing has changed.
func looking(request Request) Work {
	return func() (any, error) {
		folder, err := os.MkdirTemp(request.Folder, "look")
		if err != nil {
			return nil, err
		}
		defer os.RemoveAll(folder)
		_, commit, err := cloned(request, folder)
		if err == nil && git.IsConcreteCommit(*commit) {
			err = errNotSkipped
		}
		return request.Seen, err
	}
}

// updating clones a branch, sets its marked values, commits and pushes; it answers with the number of changed files.
func updating(request Request) Work {
	return func() (any, error) {
		folder, err := os.MkdirTemp(request.Folder, "update")
		if err != nil {
			return nil, err
		}
		defer os.RemoveAll(folder)
		client, _, err := cloned(request, folder)
		if err != nil {
			return nil, err
		}
		below := filepath.Join(folder, request.Path)
		changed, err := set(below, below, request.Images)
		if err != nil {
			return nil, err
		}
		author := git.Signature{Name: "bot", Email: "bot@example.com", When: time.Now()}
		if _, err := client.Commit(git.Commit{Author: author, Message: "Update"}); err != nil {
			return nil, err
		}
		return changed, client.Push(context.Background(), repository.PushConfig{})
	}
}
