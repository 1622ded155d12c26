# make install   .venv with every extra, headless graphics, a torch that fits this machine
# make demo      one task, shaped against sparse; says where table, curve and video are
# make ros-demo  a simulated robot on ROS 2 topics learns; says where table, curve, bag and page are
# make test      lint, types and tests (what CI runs)
# make browser   a Chromium for the tests of the report page, where this user may install one
# make lint | format | benchmarks | clean
#
# Variables:
#   PYTHON       interpreter that .venv is made from            (python3)
#   VENV         where the environment goes                     (.venv)
#   TORCH_SPEC   what to install as torch. Without an NVIDIA GPU torch==2.13.0, which is the CPU
#                build where your package index has one; with a GPU the newest that pip finds.
#   TORCH_INDEX  package index for torch and the torchvision that fits it, such as the address of
#                PyTorch's CPU or CUDA builds
#                (empty: the index that pip is configured for)
#   WORKERS      processes that run the tests                   (2)
#   KIBBLE_CHROMIUM  browser that the report page is tested in  (a Chromium on the path)

PYTHON ?= python3
VENV ?= .venv
WORKERS ?= 2
HAS_GPU := $(shell nvidia-smi -L 2>/dev/null | grep -c GPU)
TORCH_SPEC ?= $(if $(filter 0,$(HAS_GPU)),torch==2.13.0,torch)
TORCH_INDEX ?=

BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet --quiet
GL_PACKAGES := libegl1 libgl1 libgl1-mesa-dri
BROWSERS := chromium chromium-browser google-chrome google-chrome-stable

 # A shell function: installs Debian packages if this user may, otherwise does nothing.
APT_INSTALL = apt_install() { \
	  if [ "$$(id -u)" = 0 ]; then root=""; \
	  elif sudo -n true 2>/dev/null; then root="sudo -n"; \
	  else return 0; fi; \
	  command -v apt-get >/dev/null || return 0; \
	  echo "Installing $$*"; \
	  $$root apt-get -qq update; \
	  DEBIAN_FRONTEND=noninteractive $$root apt-get -qq install --yes \
	    --no-install-recommends "$$@" >/dev/null; \
	}

.DEFAULT_GOAL := help
.PHONY: help install graphics browser demo ros-demo test lint format benchmarks clean

help:
	@sed -n 's/^# \{0,1\}//p' Makefile

install: $(STAMP)

$(STAMP): pyproject.toml Makefile
	@echo "Making $(VENV) with $$($(PYTHON) --version 2>&1) and $(TORCH_SPEC)"
	@$(PYTHON) -m venv $(VENV) || { \
	  echo "python cannot make an environment; on Debian: apt-get install python3-venv," \
	       "or name another interpreter: make install PYTHON=python3.12" >&2; exit 1; }
	@$(PIP) install --upgrade pip
	@$(BIN)/python -c "import torch" 2>/dev/null \
	  || $(PIP) install $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX) torchvision) "$(TORCH_SPEC)"
	@$(PIP) install --editable ".[all,dev]" "$(TORCH_SPEC)"
	@$(MAKE) --no-print-directory graphics
	@touch $@
	@echo "Installed. Next: $(BIN)/kibble doctor, or make demo"

# Installs headless OpenGL if it does not work yet and this user may; otherwise says what to run.
graphics:
	@probe() { MUJOCO_GL=$$1 $(BIN)/python -m kibble.agents.doctor.graphics_probe 0.05 \
	    >/dev/null 2>&1; }; \
	[ "$$(uname)" = Linux ] || exit 0; \
	probe egl || probe osmesa && exit 0; \
	$(APT_INSTALL); \
	apt_install $(GL_PACKAGES); \
	probe egl || { echo "No headless graphics yet; with the rights to do so run:" \
	  "apt-get install $(GL_PACKAGES)" >&2; }

 # Installs the browser that the report of `kibble score` is tested in, likewise.
browser:
	@found() { for name in $(BROWSERS); do command -v $$name >/dev/null && return; done; \
	  [ -n "$$KIBBLE_CHROMIUM" ]; }; \
	found && exit 0; \
	$(APT_INSTALL); \
	apt_install chromium; \
	found || { echo "No Chromium: the report of kibble score will NOT BE TESTED; with the rights" \
	  "to do so run: apt-get install chromium" >&2; }

demo: install
	$(BIN)/kibble demo

ros-demo: install
	$(BIN)/kibble ros demo

test: lint browser
	OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: install
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

 # Modules of benchmarks that are no benchmark: one of them is a server, which would never end.
BENCHMARK_PARTS := environment clip_sized_model stock_vlm single_lock_server service_clients dying_clients \
  keypoint_episodes keypoint_proposals_picture ros_camera ros_reward_watch ros_soak_figures \
  ros_soak_picture ros_soak_run

# Each script writes JSON with revision and hardware under benchmarks/results.
benchmarks: install
	@for script in benchmarks/[!_]*.py; do \
	  case $$script in */learning*.py|*/robot_learning.py) continue;; esac; \
	  case " $(BENCHMARK_PARTS) " in *" $$(basename $$script .py) "*) continue;; esac; \
	  echo "$$script"; OMP_NUM_THREADS=1 $(BIN)/python $$script || exit 1; \
	done

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
