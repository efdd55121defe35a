// Package text prepares text for terminals: it escapes what could repaint them,
// measures and wraps lines in columns, lays out a page, and quotes words for a shell.
package text
