// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser

/// `koine vocab`: the vocabulary of a model.
struct VocabCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "vocab", abstract: "Make the vocabulary of a model.",
    subcommands: [VocabTrainCommand.self])
}
