.PHONY: container-engine image

container-engine: ## install podman, runc and mmdebstrap (Debian or Ubuntu, as root)
	@command -v apt-get >/dev/null || { echo "no apt-get here: install podman or Docker in this machine's own way" >&2; exit 1; }
	@[ "$$(id -u)" = 0 ] || { echo "packages are installed as root: sudo make container-engine" >&2; exit 1; }
	apt-get -o DPkg::Lock::Timeout=300 -q update
	DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 -q install -y --no-install-recommends \
	  podman runc mmdebstrap debian-archive-keyring

image: $(VENV)/.local ## build the worker's image for this machine and print its size
	@$(PY) -m infra.containers build
