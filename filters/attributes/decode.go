package attributes

import (
	"github.com/krater-mesh/krater/filters/attributes/config"
	"github.com/krater-mesh/krater/filters/sdk"
)

// Decode reads the document that config.Config.JSON writes.
func Decode(raw []byte) (config.Config, error) {
	var c config.Config
	err := sdk.Decode(raw, func(d *sdk.Decoder) {
		d.Objects("attributes", func(d *sdk.Decoder) {
			var a config.Attribute
			d.String("name", &a.Name)
			d.Object("from", func(d *sdk.Decoder) {
				d.String("header", &a.From.Header)
				d.String("cookie", &a.From.Cookie)
				d.String("query", &a.From.Query)
				d.String("path", &a.From.Path)
			})
			d.String("toHeader", &a.ToHeader)
			c.Attributes = append(c.Attributes, a)
		})
	})
	return c, err
}
