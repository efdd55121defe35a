// Package text prepares text for terminals: it escapes what could repaint them,
// measures and wraps lines in columns, and lays out a page.
package text
