// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Tensors

extension CheckpointError {
  /// What can be wrong with statistics on disk.
  public enum StatisticsFault: Sendable, Equatable {
    /// The folder holds none.
    case none(found: [String])
    /// The file's metadata lacks a key, or the key says what cannot be.
    case metadata(key: String, expected: String, found: String?)
    /// Two shards are of different statistics.
    case differentShards(key: String)
    /// The metadata name a tensor that the file lacks.
    case absentTensor(String, of: String)
    case integers(tensor: String, ElementType)
    case notSquare(tensor: String, Shape)
    /// They were made of a model with other weights.
    case otherWeights(model: String)
    /// A number that no mean of squares or products is.
    case number(tensor: String, index: Int, value: String)

    func diagnosis(path: String) -> Diagnosis {
      let again = "Make the statistics again with `koine statistics`."
      return switch self {
      case .none(let found):
        Diagnosis(
          what: "The folder holds no statistics; it holds "
            + (found.isEmpty ? "nothing." : found.prefix(5).joined(separator: ", ") + "."),
          where: path, next: "Name a folder that `koine statistics` wrote, or make one with it.")
      case .metadata(let key, let expected, let found):
        Diagnosis(
          what: "The metadata's `\(key)` should be \(expected), found \(found ?? "nothing").",
          where: path,
          next: found == nil
            ? "Name a file that `koine statistics` wrote; this may be one of weights." : again)
      case .differentShards(let key):
        Diagnosis(
          what: "The shards are of different statistics: their `\(key)` differs.", where: path,
          next: again)
      case .absentTensor(let tensor, let owner):
        Diagnosis(
          what: "The metadata promise `\(tensor)` for the layer `\(owner)`, and it is not there.",
          where: path, next: again)
      case .integers(let tensor, let type):
        Diagnosis(
          what: "The statistics of `\(tensor)` should be floats, found \(type.rawValue).",
          where: path, next: again)
      case .notSquare(let tensor, let shape):
        Diagnosis(
          what: "The Gram matrix `\(tensor)` should be square, found the shape \(shape).",
          where: path, next: again)
      case .otherWeights(let model):
        Diagnosis(
          what: "The statistics were made of other weights than those of \(model).", where: path,
          next: "Make them again of this very model with `koine statistics`; `--allow-crimes` uses "
            + "them as they are.")
      case .number(let tensor, let index, let value):
        Diagnosis(
          what: "The statistics of `\(tensor)` hold \(value) at element \(index).", where: path,
          next: again)
      }
    }
  }
}
