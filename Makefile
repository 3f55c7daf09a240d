PYTHON ?= python3
PORT ?= 8501
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --disable-pip-version-check
PEOPLE ?= 5000
# Where `make sheet` writes.
FOLDER ?= sheet
# Options for pytest, such as TESTS=tests/pipeline/search.
TESTS ?=
export PYTHONUNBUFFERED := 1

.PHONY: help run setup celebrities test test-fast test-trust lint audit sbom lock chromium screenshots sheet tables clean calibrate similarity \
	runs benchmarks benchmark-api benchmark-app benchmark-batch benchmark-build benchmark-by-hand benchmark-calibration \
	benchmark-celebrities benchmark-crop benchmark-detect benchmark-families benchmark-filters benchmark-find benchmark-lfw \
	benchmark-map benchmark-milvus benchmark-plots benchmark-portraits benchmark-ray benchmark-resemblance benchmark-review \
	benchmark-runtime benchmark-scale benchmark-scoring benchmark-similarity benchmark-start benchmark-strangers \
	benchmark-systems benchmark-together benchmark-training benchmark-turned

run: setup  ## Set everything up, then serve the app on PORT (8501).
	$(BIN)/streamlit run streamlit_app.py --server.port $(PORT)

setup: .venv/installed  ## Install packages, weights, photos, the demonstration gallery and its map.
	$(BIN)/python -m pipeline setup

celebrities: setup  ## Build or refresh a gallery of PEOPLE (5,000) celebrities from Wikidata and Wikimedia Commons.
	$(BIN)/python -m pipeline build --source wikidata --people $(PEOPLE)

.venv/installed: requirements.lock
	@$(PYTHON) -m pipeline.cli.python_version
	$(PYTHON) -m venv .venv
	$(PIP) --require-hashes -r requirements.lock
	touch $@

.venv/installed-dev: .venv/installed requirements-dev.lock
	$(PIP) --require-hashes -r requirements-dev.lock
	touch $@

# The tools that the benchmarks compare with.
.venv-peers/installed: benchmarks/peers.lock
	$(PYTHON) -m venv .venv-peers
	.venv-peers/bin/python -m pip install --disable-pip-version-check --require-hashes -r benchmarks/peers.lock
	touch $@

test: lint setup chromium  ## Run everything: lint, unit tests, pages, a real browser.
	$(BIN)/python -m pytest -n 2 --dist loadfile --durations=15 $(TESTS)

test-fast: .venv/installed-dev  ## Run the unit tests that need no TensorFlow, app or browser.
	$(BIN)/python -m pytest --fast --durations=15 $(TESTS)

test-trust: .venv/installed-dev setup chromium  ## Do harm, many times in each way, and print what was lost.
	$(BIN)/python -m tests.trust

lint: .venv/installed-dev  ## Check style, types and the layers of imports.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/oxlint
	$(BIN)/lint-imports --no-logo

sbom: .venv/installed-dev  ## List every package that is installed, with hashes, in sbom.json (CycloneDX).
	$(BIN)/cyclonedx-py requirements requirements.lock --pyproject pyproject.toml --output-reproducible \
	  --output-file sbom.json

audit: .venv/installed-dev  ## Compare every package with known vulnerabilities (needs a package index that knows them).
	$(BIN)/pip-audit --strict --disable-pip --require-hashes -r requirements.lock

chromium: .venv/installed-dev  ## Install Chromium: Debian's if apt-get can, else Playwright's.
	@command -v chromium >/dev/null \
	|| { command -v apt-get >/dev/null && $$( [ "$$(id -u)" = 0 ] || echo sudo -n ) apt-get update \
	     && $$( [ "$$(id -u)" = 0 ] || echo sudo -n ) apt-get install -y --no-install-recommends chromium; } \
	|| $(BIN)/python -m playwright install --with-deps chromium

lock: .venv/installed-dev  ## Upgrade the pinned packages.
	$(BIN)/python -m pip install --quiet uv
	for part in requirements requirements-api requirements-dev benchmarks/peers; do \
	  $(BIN)/uv pip compile $$part.txt --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
	    --no-emit-index-url --no-header --output-file $$part.lock; \
	done

benchmark-crop: .venv/installed-dev  ## Compare crops, levelling and centring on LFW view 1.
	$(BIN)/python -m benchmarks.crop

calibrate: .venv/installed-dev  ## Fit distance to resemblance by cosine on LFW view 1, for each embedder.
	$(BIN)/python -m train.release calibration

benchmark-detect: .venv/installed-dev  ## Face detection, compared with mtcnn.
	$(BIN)/python -m benchmarks.detect

benchmark-lfw: .venv/installed-dev  ## Verification and rank-1 on LFW view 2.
	$(BIN)/python -m benchmarks.lfw

benchmark-batch: .venv/installed-dev  ## Many probes at once, compared with one by one.
	$(BIN)/python -m benchmarks.batch

benchmark-api: .venv/installed-dev .venv-peers/installed  ## Requests a second of the HTTP API, compared with deepface's own.
	$(BIN)/python -m benchmarks.api

benchmark-build: .venv/installed-dev .venv-peers/installed  ## Building a gallery, compared with deepface and mtcnn.
	$(BIN)/python -m benchmarks.build

benchmark-find: .venv/installed-dev .venv-peers/installed  ## From photo to ranked matches, compared with deepface.
	$(BIN)/python -m benchmarks.find

benchmarks: .venv/installed-dev .venv-peers/installed chromium  ## Run all speed benchmarks and fill the table in docs/speed.md.
	$(BIN)/python -m benchmarks.speed

benchmark-scale: .venv/installed-dev  ## One probe among up to ten million faces.
	$(BIN)/python -m benchmarks.scale

benchmark-milvus: .venv/installed-dev  ## Candidates from milvus-lite, compared with faiss and the exact scan.
	$(BIN)/python -m benchmarks.milvus

benchmark-ray: .venv/installed-dev  ## Building with workers in Ray, compared with one process.
	$(BIN)/python -m benchmarks.ray_build

benchmark-scoring: .venv/installed-dev  ## Candidates compared with the exact scan on LFW, and the time per probe.
	$(BIN)/python -m benchmarks.scoring

benchmark-similarity: .venv/installed-dev  ## Learned similarity on people not trained on, compared with cosine.
	$(BIN)/python -m benchmarks.similarity

similarity: .venv/installed-dev  ## Train the networks that ship, one for each embedder, in assets/similarity/.
	$(BIN)/python -m train.release similarity

runs: .venv/installed-dev  ## Train the recorded runs in assets/runs/.
	$(BIN)/python -m train.release runs

benchmark-start: .venv/installed-dev .venv-peers/installed chromium  ## Import and start-up times, up to the first match.
	$(BIN)/python -m benchmarks.start

benchmark-calibration: .venv/installed-dev  ## How often two faces are one person where the calibration says so.
	$(BIN)/python -m benchmarks.calibration

benchmark-strangers: .venv/installed-dev  ## What the resemblance says to people who are not in the gallery.
	$(BIN)/python -m benchmarks.strangers

benchmark-runtime: .venv/installed-dev  ## FaceNet and SFace by each runtime: time, memory, agreement with float32.
	$(BIN)/python -m benchmarks.runtime

benchmark-resemblance: .venv/installed-dev  ## Identity beside resemblance among strangers, as a table and a plot (needs npm).
	$(BIN)/python -m benchmarks.resemblance

benchmark-portraits: .venv/installed-dev  ## From which cosine on two photos surely show the same person, on LFW.
	$(BIN)/python -m benchmarks.portraits

benchmark-celebrities: .venv/installed-dev  ## A gallery of PEOPLE (5,000) celebrities from a local server, killed five times.
	PEOPLE=$(PEOPLE) $(BIN)/python -m benchmarks.celebrities

benchmark-filters: .venv/installed-dev  ## One probe among some people of up to ten million faces.
	$(BIN)/python -m benchmarks.filters

sheet: .venv/installed-dev  ## Draw LFW people and their most similar people by each setting, into FOLDER (sheet/).
	$(BIN)/python -m benchmarks.sheet $(FOLDER)

benchmark-systems: .venv/installed-dev  ## Compare all systems; records them in assets/systems/.
	$(BIN)/python -m benchmarks.systems

benchmark-training: .venv/installed-dev  ## Quadruplets per second, compared with the original training.
	$(BIN)/python -m benchmarks.training

benchmark-map: .venv/installed-dev  ## Fitting, opening and using a map, compared with umap-learn.
	$(BIN)/python -m benchmarks.map

benchmark-review: .venv/installed-dev  ## How many of the photos to review are really wrong, on LFW.
	$(BIN)/python -m benchmarks.review

benchmark-families: .venv/installed-dev  ## Families of look-alikes by several methods, and whether they are stable.
	$(BIN)/python -m benchmarks.families

benchmark-plots: .venv/installed-dev chromium  ## The explorer's plot, compared with plotly and regl-scatterplot (needs npm).
	$(BIN)/python -m benchmarks.plots

benchmark-app: .venv/installed-dev chromium  ## The explorer with up to a million faces: times and memory.
	$(BIN)/python -m benchmarks.app

benchmark-turned: .venv/installed-dev  ## Faces that are turned, small or cut, by MTCNN, YuNet and both.
	$(BIN)/python -m benchmarks.turned

benchmark-together: .venv/installed-dev  ## One, two and three photos of a person as one probe.
	$(BIN)/python -m benchmarks.together

benchmark-by-hand: .venv/installed-dev  ## Faces in boxes drawn by hand, compared with detected ones.
	$(BIN)/python -m benchmarks.by_hand

tables: .venv/installed-dev  ## Fill the tables in docs/ from recorded results.
	$(BIN)/python -m benchmarks.tables

screenshots: .venv/installed-dev chromium  ## Take pictures of every state of the pages, into screenshots/.
	$(BIN)/python -m tests.browser.screenshots

help:  ## List the commands.
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort | sed -E 's/:.*## /\t/' | expand -t 24

clean:  ## Remove the environments and caches, not the data folder.
	rm -rf .venv .venv-peers .mypy_cache .pytest_cache .ruff_cache
