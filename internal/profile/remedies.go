package profile

import (
	"fmt"
	"reflect"

	"github.com/capprof/capprof/internal/remedy"
)

// validateRemedies checks every remedy of a document, wherever its types have some.
func validateRemedies(v reflect.Value) error {
	if r, ok := reflect.TypeAssert[remedy.Remedy](v); ok {
		if err := r.Check(); err != nil {
			return fmt.Errorf("remedies: %w", err)
		}
		return nil
	}
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			return validateRemedies(v.Elem())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if !v.Type().Field(i).IsExported() {
				continue
			}
			if err := validateRemedies(v.Field(i)); err != nil {
				return err
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			if err := validateRemedies(v.Index(i)); err != nil {
				return err
			}
		}
	}
	return nil
}
