PYTHON ?= python3
PORT ?= 8501
BIN := .venv/bin
export PYTHONUNBUFFERED := 1

.PHONY: run test lint lock setup chromium screenshots clean calibrate similarity benchmarks benchmark-app \
	benchmark-batch benchmark-build benchmark-crop benchmark-detect benchmark-find benchmark-lfw benchmark-map benchmark-plots \
	benchmark-scale benchmark-scoring benchmark-similarity benchmark-start benchmark-systems benchmark-training

run: setup  ## Set everything up, then serve the app on PORT.
	$(BIN)/streamlit run streamlit_app.py --server.port $(PORT)

setup: .venv/installed  ## Weights, photos, demonstration gallery and its map.
	$(BIN)/python -m pipeline setup

.venv/installed: requirements.lock
	$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11) and 'Python 3.11 or newer is needed.')"
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --disable-pip-version-check --require-hashes -r requirements.lock
	touch $@

.venv/installed-dev: .venv/installed requirements-dev.lock
	$(BIN)/python -m pip install --disable-pip-version-check --require-hashes -r requirements-dev.lock
	touch $@

.venv-peers/installed: benchmarks/peers.lock  # What the benchmarks compare with.
	$(PYTHON) -m venv .venv-peers
	.venv-peers/bin/python -m pip install --disable-pip-version-check --require-hashes -r benchmarks/peers.lock
	touch $@

test: lint setup chromium  ## Everything: lint, units, pages, a real browser.
	$(BIN)/python -m pytest $(TESTS)

lint: .venv/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/oxlint
	$(BIN)/lint-imports --no-logo

chromium: .venv/installed-dev  ## Debian's Chromium where apt-get can install it, else Playwright's.
	@command -v chromium >/dev/null \
	|| { command -v apt-get >/dev/null && $$( [ "$$(id -u)" = 0 ] || echo sudo -n ) apt-get update \
	     && $$( [ "$$(id -u)" = 0 ] || echo sudo -n ) apt-get install -y --no-install-recommends chromium; } \
	|| $(BIN)/python -m playwright install --with-deps chromium

lock: .venv/installed-dev  ## Pin requirements.txt, requirements-dev.txt and benchmarks/peers.txt anew, with hashes.
	$(BIN)/python -m pip install --quiet uv
	for part in requirements requirements-dev benchmarks/peers; do \
	  $(BIN)/uv pip compile $$part.txt --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
	    --no-emit-index-url --no-header --output-file $$part.lock; \
	done

benchmark-crop: .venv/installed-dev  ## Choose crops, levelling and centring on LFW view 1.
	$(BIN)/python -m benchmarks.crop

calibrate: .venv/installed-dev  ## From distance to resemblance: fit on view 1, write assets/cosine.json.
	$(BIN)/python -m benchmarks.calibrate

benchmark-detect: .venv/installed-dev  ## Finding faces, beside mtcnn as it comes.
	$(BIN)/python -m benchmarks.detect

benchmark-lfw: .venv/installed-dev  ## Verification and rank-1 on LFW view 2.
	$(BIN)/python -m benchmarks.lfw

benchmark-batch: .venv/installed-dev  ## Many probes at once, beside one by one.
	$(BIN)/python -m benchmarks.batch

benchmark-build: .venv/installed-dev .venv-peers/installed  ## Photos into a gallery, beside deepface and mtcnn.
	$(BIN)/python -m benchmarks.build

benchmark-find: .venv/installed-dev .venv-peers/installed  ## A photo to ranked matches, beside deepface.
	$(BIN)/python -m benchmarks.find

benchmarks: .venv/installed-dev .venv-peers/installed chromium  ## All that is measured of speed, and the README's table of it.
	$(BIN)/python -m benchmarks.speed

benchmark-scale: .venv/installed-dev  ## One probe among up to ten million faces.
	$(BIN)/python -m benchmarks.scale

benchmark-scoring: .venv/installed-dev  ## Candidates against the exact scan on LFW, and the time of a probe.
	$(BIN)/python -m benchmarks.scoring

benchmark-similarity: .venv/installed-dev  ## What learning brings, on people never trained on, beside cosine.
	$(BIN)/python -m benchmarks.similarity

similarity: .venv/installed-dev  ## Train what is recorded in assets/runs/, and the network that ships.
	$(BIN)/python -m benchmarks.trainings

benchmark-start: .venv/installed-dev .venv-peers/installed chromium  ## From nothing to the first page and match.
	$(BIN)/python -m benchmarks.start

benchmark-systems: .venv/installed-dev  ## Every system side by side, recorded in assets/systems/.
	$(BIN)/python -m benchmarks.systems

benchmark-training: .venv/installed-dev  ## Quadruplets a second, beside the training this project grew from.
	$(BIN)/python -m benchmarks.training

benchmark-map: .venv/installed-dev  ## Fitting, opening and using a map, beside umap-learn as it comes.
	$(BIN)/python -m benchmarks.map

benchmark-plots: .venv/installed-dev chromium  ## The explorer's plot against plotly and regl-scatterplot (needs npm).
	$(BIN)/python -m benchmarks.plots

benchmark-app: .venv/installed-dev chromium  ## The explorer with 100,000 faces: times, bytes, memory.
	$(BIN)/python -m benchmarks.app

screenshots: .venv/installed-dev chromium  ## The pages' states, light, dark and phone, into screenshots/.
	$(BIN)/python -m tests.browser.screenshots

clean:
	rm -rf .venv .venv-peers .mypy_cache .pytest_cache .ruff_cache
