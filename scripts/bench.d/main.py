"""Entry point of scripts/bench."""

import argparse

import ablation
import engine
import factorise
import linear
import live
import load
import page
import solvers
import topics

PARTS = {"linear": (linear, "strads against other packages on the Lasso"),
         "ablation": (ablation, "the schedules of the STRADS papers against each other"),
         "engine": (engine, "what rounds cost beside the arithmetic, and staleness"),
         "load": (load, "loading tables, by parsing and from the cache"),
         "factorise": (factorise, "strads against other packages on factorisation of ratings"),
         "solvers": (solvers, "what strads mf --solver auto goes by"),
         "topics": (topics, "strads against other packages on LDA topics"),
         "live": (live, "live models against retraining and peers' partial updates")}


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parts = parser.add_subparsers(dest="part", required=True)
    for name, (part, about) in PARTS.items():
        options = parts.add_parser(name, help=about, description=about)
        part.add_options(options)
        options.add_argument("--publish", action="store_true",
                             help="also put the results into docs/")
    options = parser.parse_args()
    report = PARTS[options.part][0].run(options)
    print(page.show(options.part, report))
    if options.publish:
        page.publish(options.part, report)


main()
