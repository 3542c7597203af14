"""Results as Markdown and SVG, on the terminal or in docs/benchmarks.md."""

import json

import chart
from places import DOCS


def show(part, report):
    return {"linear": _linear, "ablation": _ablation, "factorise": _factorise,
            "topics": _topics, "engine": _engine, "load": _load, "live": _live,
            "solvers": _solvers}[part](report)


def publish(part, report):
    """Writes docs/PART.json and the drawing, and replaces the part's tables in the page."""
    (DOCS / f"{part}.json").write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n")
    if part == "ablation":
        (DOCS / "ablation.svg").write_text(chart.draw(report))
    page = DOCS / "benchmarks.md"
    begin, end = f"<!-- {part} -->", f"<!-- end of {part} -->"
    before, rest = page.read_text().split(begin)
    after = rest.split(end)[1]
    page.write_text(f"{before}{begin}\n{show(part, report)}\n{end}{after}")


def _machine(report):
    machine = report["machine"]
    processor = machine["processor"]
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    shape = ", ".join(f"{key}: {value}" for key, value in processor.items())
    return (f"Measured {machine['date']} on {machine['architecture']} ({shape}); "
            f"strads {machine['strads']}; {versions}.")


def number(value, digits=2):
    """Two significant digits or more, without exponents."""
    if value >= 100:
        return f"{value:.0f}"
    return f"{value:.{digits}g}" if value >= 1 else f"{value:.{digits}g}".lstrip("0") or "0"


def _linear(report):
    about = (f"Medians of {report['repeats']}; {report['peer_threads']} thread for peers; "
             f"--search {report['search']:g} --limit {report['limit']:g}.")
    return "\n".join([_machine(report), about, *map(_problem, report["problems"])])


def _problem(problem):
    low, high = problem["load_average"]
    lines = [
        "",
        f"**{problem['data']}**, λmax/{1 / problem['ratio']:g}: {problem['about']}; "
        f"load average {low:.1f} before, {high:.1f} after.", "",
        "| | train, s, to 1e-4 | to 1e-6 | × strads -w 1 at 1e-6 | load, s | peak, MB | non-zeros |",
        "|---|---|---|---|---|---|---|"]
    ours = next(c for c in problem["contestants"] if c["name"] == "strads -w 1")
    lines += [_row(c, ours["targets"]["1e-06"]) for c in problem["contestants"]]
    return "\n".join(lines)


def _row(contestant, ours):
    loose, tight = (contestant["targets"][key] for key in ("0.0001", "1e-06"))
    cells = [_cell(loose, contestant), _cell(tight, contestant)]
    met = tight and tight["reached"] and ours and ours["reached"]
    cells.append(number(tight["train"] / ours["train"]) if met else "")
    last = tight or loose
    cells += ([number(last["load"]), _megabytes(last["peak"]), str(last["nonzeros"])]
              if last else ["", "", ""])
    return f"| {contestant['name']} | " + " | ".join(cells) + " |"


def _megabytes(peak):
    """Empty where the system does not tell."""
    return f"{peak / 1e6:.0f}" if peak else ""


def _cell(target, contestant):
    if target is None:
        best = contestant["best_gap"]
        return "not reached" + (f" ({best:.0e})" if best is not None else "")
    if not target["reached"]:
        return f"not reached ({target['gap']:.0e})"
    return number(target["train"])


def _ablation(report):
    """A table a design: rows are arms, columns block widths."""
    low, high = report["load_average"]
    lines = [_machine(report), "",
             f"Design of {report['design']['rows']:,} rows and {report['design']['columns']:,} "
             f"columns; {report['workers']} worker; medians of {report['repeats']}; runs ended after "
             f"{report['limit']:g} s; load average {low:.1f} before, {high:.1f} after."]
    widths = report["widths"]
    for measure, title in (("seconds", "seconds"), ("updates", "thousands of updates")):
        lines += ["", f"{title.capitalize()} to a relative gap of {report['target']:g}:", "",
                  "| | " + " | ".join(f"U = {width}" for width in widths) + " |",
                  "|---" * (len(widths) + 1) + "|"]
        for arm in report["arms"]:
            cells = [_point(report, arm, width, measure) for width in widths]
            lines.append(f"| {arm} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _engine(report):
    """Tables of empty rounds, of rounds by width, and of staleness."""
    low, high = report["load_average"]
    shapes = [row["shape"] for row in report["rounds"]]
    lines = [_machine(report), "",
             f"Medians of {report['repeats']}; load average {low:.1f} before, {high:.1f} after.", "",
             "Microseconds a round:", "",
             "| | plain loop | " + " | ".join(shapes) + " |", "|---" * (len(shapes) + 2) + "|",
             "| empty, 2 KB a shard | | "
             + " | ".join(number(row["micros"]) for row in report["rounds"]) + " |"]
    for row in report["widths"]:
        cells = [number(row["engine"][shape]) + f" ({row['engine'][shape] / row['plain']:.2f} ×)"
                 for shape in shapes]
        lines.append(f"| U = {row['width']:,} | {number(row['plain'])} | " + " | ".join(cells) + " |")
    stale = report["staleness"]
    lines += ["", f"To a relative gap of {report['target']:g} on the papers' design of "
              f"{stale['rows']:,} rows and {stale['columns']:,} columns, priority, two workers, "
              "4 shards:", "", "| U | staleness | seconds | thousands of updates |",
              "|---|---|---|---|"]
    for run in stale["runs"]:
        reached = run["gap"] <= report["target"]
        seconds = number(run["seconds"], 3) if reached else f"no ({run['gap']:.0e})"
        lines.append(f"| {run['block']} | {run['staleness']} | {seconds} | "
                     f"{number(run['updates'] / 1000, 3)} |")
    return "\n".join(lines)


def _load(report):
    low, high = report["load_average"]
    lines = [_machine(report), "",
             f"Medians of {report['repeats']}; load average {low:.1f} before, {high:.1f} after. "
             "MB are those after unpacking; × is processor time of parsing over that of the cache.", "",
             "| data | MB | parse, processor ms | MB/s a core | unpacking alone, ms | parse, wall ms, "
             "1 and 2 threads | cache, MB | load, processor ms | wall ms | × |", "|---" * 10 + "|"]
    lines += [_loaded(table) for table in report["tables"]]
    lines += [f"\nRatings: {row['ratings'] / 1e6:.1f} million in {row['bytes'] / 1e6:.0f} MB of csv, read "
              "in " + " and ".join(f"{number(seconds)} s (-w {workers}, "
                                   f"{60e-6 * row['ratings'] / seconds:.0f} million a minute)"
                                   for workers, seconds in row["seconds"].items()) + "."
              for row in report["ratings"]]
    return "\n".join(lines)


def _loaded(table):
    walls = " / ".join(number(1e3 * seconds, 3) for seconds in table["seconds"].values())
    cells = [table["data"], number(table["bytes"] / 1e6), number(1e3 * table["processor"], 3),
             number(1e-6 * table["bytes"] / table["processor"]),
             number(1e3 * table["unpacking"], 3) if table["unpacking"] else "", walls,
             number(table["cache_bytes"] / 1e6), number(1e3 * table["cached_processor"], 3),
             number(1e3 * table["cached_seconds"], 3),
             number(table["processor"] / table["cached_processor"], 3)]
    return "| " + " | ".join(cells) + " |"


def _point(report, arm, width, measure):
    run = next((r for r in report["runs"] if (r["arm"], r["width"]) == (arm, width)), None)
    if run is None:
        return ""
    if not run["reached"]:
        return f"no ({run['gap']:.0e})"
    return number(run[measure] / (1000 if measure == "updates" else 1), 3)


def _topics(report):
    about = (f"{report['budget']:g} s of training each; {report['peer_threads']} thread for peers "
             "unless their name says another number.")
    tables = [*map(_corpus, report["problems"]), _replicas(report.get("replicas"))]
    return "\n".join([_machine(report), about, *tables])


def _replicas(rows):
    """Memory of a shard against that of a replica, in kilobytes."""
    if not rows:
        return ""
    lines = ["", "Memory of the largest shard, in kB, against a full replica of the table on each "
             "(4,000 random documents, 3,000 words, 50 topics):", "",
             "| shards | its documents | its part of the table | a replica of the table |",
             "|---|---|---|---|"]
    lines += [f"| {shards} | " + " | ".join(f"{number / 1000:.0f}" for number in rest) + " |"
              for shards, *rest in rows]
    return "\n".join(lines)


def _corpus(problem):
    """A table a corpus and number of topics: rows are contestants, columns seconds."""
    low, high = problem["load_average"]
    times = problem["times"]
    goal = problem["goal"]
    lines = [
        "",
        f"**{problem['data']}**, {problem['topics']:,} topics: {problem['about']}; "
        f"load average {low:.1f} before, {high:.1f} after.", "",
        "| | " + " | ".join(f"at {time:g} s" for time in times)
        + f" | s to {goal:.3f} | million tokens/s | load, s | peak, MB | B a token | engine | s-error |",
        "|---" * (len(times) + 8) + "|"]
    return "\n".join(lines + [_sampler(c, times, goal) for c in problem["contestants"]])


def _sampler(contestant, times, goal):
    if contestant.get("failed"):
        return f"| {contestant['name']} | {contestant['failed']} |"
    points = contestant["points"]
    cells = []
    for time in times:
        before = [p["likelihood"] for p in points if p["seconds"] <= time]
        cells.append(f"{before[-1]:.3f}" if before else "")
    reached = next((p["seconds"] for p in points if p["likelihood"] >= goal), None)
    cells += [number(reached) if reached is not None else "not reached",
              number(contestant["rate"] / 1e6), number(contestant["load"]),
              _megabytes(contestant["peak"])]
    if "engine" in contestant:
        cells += [f"{contestant['bytes_a_token']:.1f}", f"{100 * contestant['engine']:.1f} %",
                  f"{contestant['s_error']:.4f}"]
    else:
        cells += [""] * 3
    return f"| {contestant['name']} | " + " | ".join(cells) + " |"


def _factorise(report):
    about = (f"Rank {report['rank']}, λ = {report['lambda']:g} a rating in the objective; "
             f"{report['peer_threads']} thread for peers, runs of at most {report['budget']:g} s.")
    return "\n".join([_machine(report), about, *map(_ratings, report["problems"]),
                      *_shards(report.get("shards"))])


def _shards(found):
    """What a worker holds, and the run of rank 2000."""
    if not found:
        return []
    lines = ["", f"Memory of the largest worker of `ccd`, in kB ({found['about']}):", "",
             "| workers | its ratings and factors | blocks of all factors |", "|---|---|---|"]
    lines += [f"| {workers} | {own / 1000:.0f} | {held / 1000:.0f} |"
              for workers, own, held in found["workers"]]
    high = found["high"]
    return [*lines, "", f"Rank {high['rank']:,}, {high['ratings']:,} generated ratings of "
            f"{high['items']:,} items by {high['users']:,} users, a sweep of `ccd` on "
            f"two workers: {number(high['seconds'])} s, peak {_megabytes(high['peak'])} MB, of which "
            f"factors {_megabytes(high['factors'])}."]


def _ratings(problem):
    """A table a data set: the best objective and RMSE of each, and the seconds to the peers' best."""
    low, high = problem["load_average"]
    everybody = [c for c in problem["contestants"] if c.get("race") != "implicit"]
    fits = [c for c in everybody if c.get("points")]
    peers = [c for c in fits if not c["name"].startswith("strads")]
    goals = {}
    for measure in ("objective", "rmse"):
        # 0.1 % above the best a peer reached, or if there is none, anybody.
        best = min(p[measure] for c in peers or fits for p in c["points"])
        goals[measure] = best * 1.001
    lines = [
        "",
        f"**{problem['data']}**: {problem['about']}; {problem['ratings']:,} to learn from; "
        f"load average {low:.1f} before, {high:.1f} after.", "",
        f"| | objective | s to {goals['objective']:.4g} | test RMSE | s to {goals['rmse']:.4f} | "
        "load, s | peak, MB |", "|---|---|---|---|---|---|---|"]
    return "\n".join(lines + [_rater(c, goals) for c in everybody] + _counted(problem))


def _counted(problem):
    """The same for ratings taken for counts: the objective over all pairs."""
    everybody = [c for c in problem["contestants"] if c.get("race") == "implicit"]
    best = min((p["objective"] for c in everybody for p in c.get("points", [])), default=None)
    if best is None:
        return []
    goals = {"objective": best * 1.001}
    return ["", "Ratings taken for counts:", "",
            f"| | objective | s to {goals['objective']:.5g} | load, s | peak, MB |",
            "|---|---|---|---|---|", *(_rater(c, goals) for c in everybody)]


def _rater(contestant, goals):
    if contestant.get("failed"):
        return f"| {contestant['name']} | {contestant['failed']} |"
    points, cells = contestant["points"], []
    for measure, digits in (("objective", ".5g"), ("rmse", ".4f")):
        if measure not in goals:
            continue
        best = min(point[measure] for point in points)
        reached = [p["seconds"] for p in points if p[measure] <= goals[measure]]
        cells += [format(best, digits), number(min(reached)) if reached else "not reached"]
    cells += [number(contestant["load"]), _megabytes(contestant["peak"])]
    return f"| {contestant['name']} | " + " | ".join(cells) + " |"


def _live(report):
    low, high = report["load_average"]
    lines = [_machine(report), f"{report['epochs']} epochs each; load average {low:.1f} before, "
             f"{high:.1f} after."]
    if report["lasso"]:
        lines += ["", "| data | rows touched | | epoch p50, ms | p99, ms | rows/s | "
                  "of a batch fit (processor time) | relative gap |", "|---|---|---|---|---|---|---|---|"]
        lines += [_touched(row) for row in report["lasso"]]
    if report["ratings"]:
        lines += ["", "| 100 changes of 1 M ratings, new top tens of all they touch | p50, ms | p99, ms |"
                  " changes/s | batch fit, s | of a batch fit (processor time) |"
                  " objective over a batch fit's |", "|---|---|---|---|---|---|---|"]
        lines += [f"| {row['name']} | {number(row['p50_ms'])} | {number(row['p99_ms'])} | "
                  f"{number(row['changes_per_second'])} | "
                  + (f"{number(row['batch_seconds'])} | {row['ratio']:.2%} | "
                     f"{row['objective_over_batch']:.4f} |"
                     if "ratio" in row else "| | |") for row in report["ratings"]]
    if report["documents"]:
        lines += ["", "| a new document of 200 words among 5,000 | p50, ms | p99, ms | documents/s |"
                  " batch run, s | of a batch run |", "|---|---|---|---|---|---|"]
        lines += [f"| {row['name']} | {number(row['p50_ms'])} | {number(row['p99_ms'])} | "
                  f"{number(row['per_second'])} | {number(row['batch_seconds'])} | "
                  f"{1e-3 * row['p50_ms'] / row['batch_seconds']:.2%} |"
                  for row in report["documents"]]
    return "\n".join(lines)


def _touched(row):
    ours = "ratio" in row
    cells = [row["data"], f"{row['share']:.1%}", row["name"], number(row["p50_ms"]),
             number(row["p99_ms"]), number(row["rows_per_second"]),
             f"{row['ratio']:.1%}" if ours else "", f"{row['gap']:.0e}"]
    return "| " + " | ".join(cells) + " |"


def _solvers(report):
    low, high = report["load_average"]
    lines = [_machine(report), f"Medians over {report['seeds']} seeds; load average {low:.1f} before, "
             f"{high:.1f} after.", "",
             "| data | solver | test RMSE | AUC | NDCG@10 | train, s |", "|---|---|---|---|---|---|"]
    lines += [f"| {fit['data']} | {fit['solver']} | {fit['rmse']:.4f} | {fit['auc']:.3f} | "
              f"{fit['ndcg']:.3f} | {number(fit['train'])} |" for fit in report["fits"]]
    return "\n".join(lines)
