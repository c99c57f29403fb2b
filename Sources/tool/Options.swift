// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser

/// `--json`.
struct FormatOptions: ParsableArguments {
  @Flag(help: "Print the result as JSON with a `schema` number.")
  var json = false
}

/// Where a recipe reads and writes.
struct PlaceOptions: ParsableArguments {
  @Option(
    name: .long, help: "The folder that relative paths of data start from (or KOINE_DATA).",
    completion: .directory)
  var data: String?

  @Option(name: .long, help: "The run folder (default: runs/NAME).", completion: .directory)
  var out: String?

  @Option(
    name: .long, help: "The cache that runs share (default: `cache` beside the run folder).",
    completion: .directory)
  var cache: String?

  @Flag(help: "Print what would be done, and do nothing.")
  var dryRun = false

  @Flag(help: "Check finished steps by the hash of every file, not only by its length.")
  var verify = false
}
