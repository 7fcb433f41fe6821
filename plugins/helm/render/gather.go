package render

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"helm.sh/helm/v4/pkg/chart/loader/archive"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/ignore"
)

// read reads the chart in a folder with upstream's loader; which can't read one
// in the root, for it does not expect a folder whose name ends with a slash.
func read(folder string) (*chart.Chart, error) {
	if folder != "/" {
		return loader.LoadDir(folder)
	}
	files, err := gather(folder)
	if err != nil {
		return nil, err
	}
	return loader.LoadFiles(files)
}

// gather collects the files of a chart as upstream's loader does.
func gather(folder string) ([]*archive.BufferedFile, error) {
	rules := ignore.Empty()
	if _, err := os.Stat(path.Join(folder, ignore.HelmIgnore)); err == nil {
		if rules, err = ignore.ParseFile(path.Join(folder, ignore.HelmIgnore)); err != nil {
			return nil, err
		}
	}
	rules.AddDefaults()
	g := gatherer{rules: rules, budget: archive.NewBudgetedReader(archive.MaxDecompressedChartSize)}
	err := g.enter(folder, "")
	return g.files, err
}

type gatherer struct {
	rules  *ignore.Rules
	budget *archive.BudgetedReader
	files  []*archive.BufferedFile
}

// enter collects what is in a folder. Links are followed, and what they lead to
// has the name of the link.
func (g *gatherer) enter(folder, within string) error {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		file, name := path.Join(folder, entry.Name()), path.Join(within, entry.Name())
		if entry.Type()&fs.ModeSymlink != 0 {
			if file, err = filepath.EvalSymlinks(file); err != nil {
				return fmt.Errorf("error evaluating symlink %s: %w", name, err)
			}
		}
		info, err := os.Lstat(file)
		if err != nil {
			return err
		}
		switch {
		case g.rules.Ignore(name, info):
		case info.IsDir():
			err = g.enter(file, name)
		case info.Mode().IsRegular():
			err = g.take(file, name, info)
		default:
			err = errors.New("cannot load irregular file " + name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (g *gatherer) take(file, name string, info fs.FileInfo) error {
	content, err := g.budget.ReadFileWithBudget(file, info.Size())
	if err != nil {
		return fmt.Errorf("error reading %s: %w", name, err)
	}
	content = bytes.TrimPrefix(content, []byte("\xef\xbb\xbf"))
	g.files = append(g.files, &archive.BufferedFile{Name: name, ModTime: info.ModTime(), Data: content})
	return nil
}
