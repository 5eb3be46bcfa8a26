package denier

import (
	"github.com/krater-mesh/krater/filters/denier/config"
	"github.com/krater-mesh/krater/filters/sdk"
)

// Decode reads the document that config.Config.JSON writes.
func Decode(raw []byte) (config.Config, error) {
	var c config.Config
	err := sdk.Decode(raw, func(d *sdk.Decoder) {
		d.Objects("rules", func(d *sdk.Decoder) {
			var r config.Rule
			d.String("name", &r.Name)
			d.Object("match", func(d *sdk.Decoder) {
				d.String("pathPrefix", &r.Match.PathPrefix)
				d.Strings("methods", &r.Match.Methods)
				d.StringMap("headers", &r.Match.Headers)
			})
			d.Int("status", &r.Status)
			d.String("body", &r.Body)
			d.StringMap("headers", &r.Headers)
			c.Rules = append(c.Rules, r)
		})
	})
	return c, err
}
