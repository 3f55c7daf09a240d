"""``setup``: everything that the app and the command line need."""

from __future__ import annotations

from typing import Annotated

from pipeline.answers import NOTE
from pipeline.cli.console import progress, say, switch
from pipeline.cli.find import print_matches
from pipeline.cli.galleries import print_report
from pipeline.cli.map import print_map
from pipeline.gallery.layout import DEMONSTRATION


def setup(
    fresh: Annotated[bool, switch("--fresh", "Rebuild the demonstration gallery.")] = False,
    as_json: Annotated[bool, switch("--json", "Print only the progress, each step as a line of JSON.")] = False,
) -> None:
    """Fetch the networks and build the demonstration gallery.

    Downloads weights and photos, builds the gallery and its map, and looks one photo up.
    """
    from pipeline.setting_up import set_up
    from pipeline.sources import demonstration

    with progress(as_json=as_json) as report:
        done = set_up(report, fresh=fresh)
    if as_json:
        return
    example = demonstration.example_photos()["Madonna"][0]
    if done.built:
        print_report(DEMONSTRATION, done.built)
    if done.fitted:
        print_map(DEMONSTRATION, done.fitted)
    if not (done.models and done.built):
        say(f"Everything is set up. Try it: python -m pipeline find {example} --top 5")
        return
    from pipeline.lookalikes import Lookalikes

    say()
    say(f"An example: python -m pipeline find {example} --top 5")
    print_matches(Lookalikes.open(DEMONSTRATION, models=done.models).find(example, top=5).matches)
    say(NOTE)
