package main

// Config says who counts as a bot.
type Config struct {
	// Known are fingerprints, with how much each counts.
	Known map[string]int `json:"known"`
	// Agents are parts of user-agent, in lower case, that tell of a program.
	Agents []string `json:"agents"`
	// RefuseAt is the score from which a request is refused; 0 refuses none.
	RefuseAt int `json:"refuseAt" filter:"min=0,max=1000"`
}
