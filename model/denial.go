package model

import "encoding/json"

// Denials say how a refused request is told which policy refused it. The zero
// value tells nothing: a policy's name may help who looks for a way around it.
type Denials struct {
	Header bool       `json:"header,omitempty"` // HeaderDeniedBy
	Body   DenialBody `json:"body,omitempty"`   // of a denial that has none of its own
}

// HeaderDeniedBy names the rule that refused.
const HeaderDeniedBy = "x-krater-denied-by"

// DenialBody is a denial's body.
type DenialBody string

const (
	DenialText DenialBody = "Text" // "denied by RULE\n"
	DenialJSON DenialBody = "JSON" // {"deniedBy": "RULE"}
)

// BodyOf is the body of a rule's denial; "" where none is wanted.
func (d Denials) BodyOf(rule string) (contentType, body string) {
	switch d.Body {
	case DenialText:
		return "text/plain", "denied by " + rule + "\n"
	case DenialJSON:
		text, err := json.Marshal(map[string]string{"deniedBy": rule})
		if err != nil { // a string
			return "", ""
		}
		return "application/json", string(text) + "\n"
	}
	return "", ""
}
