module x
go 1.24.0
require github.com/drone-runners/drone-runner-docker v1.8.3
replace github.com/docker/docker => github.com/docker/engine v17.12.0-ce-rc1.0.20200309214505-aa6a9891b09c+incompatible
