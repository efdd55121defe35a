module github.com/capprof/capprof

go 1.26.0

require github.com/syndtr/gocapability v0.0.0-20200815063812-42c35b437635 // indirect
