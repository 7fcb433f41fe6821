package render

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"sigs.k8s.io/kustomize/api/konfig"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// tree is the file system as upstream sees it: the process's own, read-only,
// each file read once, every kustomization looked at on its way through.
type tree struct {
	// The folder that is rendered.
	folder string
	// Content by path without links. What could not be read is not kept.
	content map[string][]byte
	// What the Application gives, and the content that upstream sees instead.
	values   *values
	overlaid map[string][]byte
	// Whether the objects are to carry upstream's origin annotations.
	annotate bool
	// What a look at the kustomizations has found.
	refusal   *Diagnostic
	warnings  []Diagnostic
	ownSchema bool
	// The file that upstream read last.
	last string
	// The kustomizations that were looked at, by path.
	kustomizations map[string]*types.Kustomization
}

var errReadOnly = errors.New("the repository is read-only")

var _ filesys.FileSystem = (*tree)(nil)

func newTree(folder string, given *values) *tree {
	return &tree{
		folder: folder, values: given,
		content: map[string][]byte{}, overlaid: map[string][]byte{},
		kustomizations: map[string]*types.Kustomization{},
	}
}

// ReadFile implements filesys.FileSystem.
func (t *tree) ReadFile(name string) ([]byte, error) {
	content, err := t.read(name)
	if err != nil {
		return nil, err
	}
	t.last = name
	if slices.Contains(konfig.RecognizedKustomizationFileNames(), filepath.Base(name)) {
		return t.inspect(name, content)
	}
	return t.overlay(name, content)
}

// overlay gives a file with the Application's values in it.
func (t *tree) overlay(name string, content []byte) ([]byte, error) {
	if overlaid, known := t.overlaid[name]; known {
		return overlaid, nil
	}
	overlaid, problem := t.values.overlay(content, relativePath(name))
	if problem != nil {
		if t.refusal == nil {
			t.refusal = problem
		}
		return nil, errRefused
	}
	t.overlaid[name] = overlaid
	return overlaid, nil
}

// read gives the content of a file, from memory if it was read before.
func (t *tree) read(name string) ([]byte, error) {
	if content, known := t.content[name]; known {
		return content, nil
	}
	content, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	t.content[name] = content
	return content, nil
}

// CleanedAbs implements filesys.FileSystem.
func (t *tree) CleanedAbs(name string) (filesys.ConfirmedDir, string, error) {
	absolute, err := filepath.Abs(name)
	if err != nil {
		return "", "", fmt.Errorf("abs path error on '%s' : %w", name, err)
	}
	resolved, err := filepath.EvalSymlinks(absolute)
	if err != nil {
		return "", "", fmt.Errorf("evalsymlink failure on '%s' : %w", name, err)
	}
	if t.IsDir(resolved) {
		return filesys.ConfirmedDir(resolved), "", nil
	}
	return filesys.ConfirmedDir(filepath.Dir(resolved)), filepath.Base(resolved), nil
}

// Exists implements filesys.FileSystem.
func (t *tree) Exists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}

// IsDir implements filesys.FileSystem.
func (t *tree) IsDir(name string) bool {
	if _, known := t.content[name]; known {
		return false
	}
	info, err := os.Stat(name)
	return err == nil && info.IsDir()
}

func (t *tree) isFile(name string) bool {
	info, err := os.Stat(name)
	return err == nil && !info.IsDir()
}

// ReadDir implements filesys.FileSystem.
func (t *tree) ReadDir(name string) ([]string, error) {
	entries, err := os.ReadDir(name)
	if err != nil {
		return nil, err
	}
	names := make([]string, 0, len(entries))
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names, nil
}

// Glob implements filesys.FileSystem.
func (t *tree) Glob(pattern string) ([]string, error) {
	names, err := filepath.Glob(pattern)
	if err != nil || filesys.IsHiddenFilePath(pattern) {
		return names, err
	}
	return filesys.RemoveHiddenFiles(names), nil
}

// Walk implements filesys.FileSystem.
func (t *tree) Walk(name string, visit filepath.WalkFunc) error {
	return filepath.Walk(name, visit)
}

// Open implements filesys.FileSystem.
func (t *tree) Open(name string) (filesys.File, error) {
	return os.Open(name)
}

// Create implements filesys.FileSystem.
func (t *tree) Create(name string) (filesys.File, error) {
	return nil, refuse("create", name)
}

// Mkdir implements filesys.FileSystem.
func (t *tree) Mkdir(name string) error { return refuse("mkdir", name) }

// MkdirAll implements filesys.FileSystem.
func (t *tree) MkdirAll(name string) error { return refuse("mkdir", name) }

// RemoveAll implements filesys.FileSystem.
func (t *tree) RemoveAll(name string) error { return refuse("remove", name) }

// WriteFile implements filesys.FileSystem.
func (t *tree) WriteFile(name string, _ []byte) error { return refuse("write", name) }

func refuse(operation, name string) error {
	return &fs.PathError{Op: operation, Path: name, Err: errReadOnly}
}
