// Package readme turns a README's fenced console blocks into steps, runs their
// commands, and compares what they print with what the README says. It never
// changes a file itself, and knows nothing of what the commands do.
package readme

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Step is one block fenced as ```console.
type Step struct {
	Heading  string // the nearest one above
	Line     int    // of the fence; the first line is 1
	Commands []Command
	// Within, written as ```console within=10s, repeats each command until
	// its output is as wanted, or that time is over.
	Within time.Duration
	// Exit, written as ```console exit=1, is the exit code wanted of each
	// command.
	Exit int
}

// Command is a line that starts with "$ ", joined with the lines after it
// that start with "> ".
type Command struct {
	Line int
	Text string
	Want []string // its output: see Match
}

const fence = "```"

// Parse gives the steps in the README's order. Other blocks are not run.
func Parse(markdown string) ([]Step, error) {
	var steps []Step
	heading, inside, console := "", false, false
	for i, line := range strings.Split(markdown, "\n") {
		line = strings.TrimRight(line, " \t\r")
		info, isFence := strings.CutPrefix(line, fence)
		switch {
		case isFence && !inside:
			inside, console = true, strings.HasPrefix(info+" ", "console ")
			if console {
				step := Step{Heading: heading, Line: i + 1}
				if err := step.options(strings.Fields(info)[1:]); err != nil {
					return nil, err
				}
				steps = append(steps, step)
			}
		case isFence:
			inside = false
		case console && inside:
			if err := steps[len(steps)-1].add(i+1, line); err != nil {
				return nil, err
			}
		case !inside && strings.HasPrefix(line, "#"):
			heading = strings.TrimSpace(strings.TrimLeft(line, "#"))
		}
	}
	if inside {
		return nil, fmt.Errorf("reading the README: its last %s block has no end", fence)
	}
	return steps, nil
}

func (s *Step) options(options []string) error {
	for _, option := range options {
		var err error
		switch name, value, _ := strings.Cut(option, "="); name {
		case "within":
			s.Within, err = time.ParseDuration(value)
		case "exit":
			s.Exit, err = strconv.Atoi(value)
		default:
			err = fmt.Errorf("there are within=DURATION and exit=CODE")
		}
		if err != nil {
			return fmt.Errorf("line %d: option %q: %w", s.Line, option, err)
		}
	}
	return nil
}

func (s *Step) add(n int, line string) error {
	text, isCommand := strings.CutPrefix(line, "$ ")
	if isCommand {
		s.Commands = append(s.Commands, Command{Line: n, Text: text})
		return nil
	}
	if len(s.Commands) == 0 {
		return fmt.Errorf("line %d: %q stands before the first command; a command starts with \"$ \"", n, line)
	}
	c := &s.Commands[len(s.Commands)-1]
	if more, ok := strings.CutPrefix(line, "> "); ok && len(c.Want) == 0 {
		c.Text += "\n" + more
		return nil
	}
	c.Want = append(c.Want, line)
	return nil
}

// Replace gives the step with other texts in its commands and their output:
// other addresses, say.
func (s Step) Replace(r *strings.Replacer) Step {
	commands := s.Commands
	s.Commands = nil
	for _, c := range commands {
		want := c.Want
		c.Text, c.Want = r.Replace(c.Text), nil
		for _, line := range want {
			c.Want = append(c.Want, r.Replace(line))
		}
		s.Commands = append(s.Commands, c)
	}
	return s
}
