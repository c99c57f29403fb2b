// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Documents

/// Turns the references of a recipe into checkpoints. Nested merges and differences are planned and
/// never asked for.
public struct ModelResolver {
  /// The checkpoint of a stored model, its adapter folded in; called once for each reference.
  public let resolve: (ModelReference) throws -> Checkpoint
  /// Folds an adapter into a checkpoint, for adapters of nested merges; `nil` where none can.
  public let fold: ((Checkpoint, _ adapter: ModelReference.Location) throws -> Checkpoint)?
  /// The folders that a path with `*` or `?` stands for; `nil` where such a path is one like others.
  public let folders: ((_ pattern: String) throws(MergeError) -> [String])?
  /// The statistics of a path in the recipe; by default those of a folder.
  public let statistics: (String) throws -> ModelStatistics

  public init(
    fold: ((Checkpoint, ModelReference.Location) throws -> Checkpoint)? = nil,
    folders: ((_ pattern: String) throws(MergeError) -> [String])? = nil,
    statistics: @escaping (String) throws -> ModelStatistics = { try ModelStatistics.open($0) },
    resolve: @escaping (ModelReference) throws -> Checkpoint
  ) {
    self.resolve = resolve
    self.fold = fold
    self.folders = folders
    self.statistics = statistics
  }

  /// Paths are folders of this machine; a revision is an error, for a folder has none.
  ///
  /// - Parameter fold: folds adapters; by default those of PEFT and mlx-lm, out of their folders.
  public static func folders(
    fold: @escaping (Checkpoint, ModelReference.Location) throws -> Checkpoint = foldFolder
  ) -> ModelResolver {
    ModelResolver(fold: fold, folders: FolderPattern.folders) { reference in
      guard case .stored(let location) = reference.base else {
        preconditionFailure("merges and differences are planned, not resolved")
      }
      for place in [location, reference.adapter] {
        guard let place, place.revision != nil else { continue }
        throw MergeError.operation(
          Diagnosis(
            what: "A folder has no revisions, found `\(place)`.", where: "\(reference)",
            next: "Fetch that revision into a folder and name the folder."))
      }
      let model = try open(location.path)
      guard let adapter = reference.adapter else { return model }
      return try folded(model, adapter, fold, reference)
    }
  }

  private static func open(_ path: String) throws -> Checkpoint {
    do throws(CheckpointError) {
      return try Checkpoint.open(directory: path)
    } catch {
      // What most recipes on model cards name is a model of a hub, and no folder yet.
      guard case .cannotRead(path, "no such folder") = error, ModelCard.looksLikeHub(path) else {
        throw error
      }
      throw MergeError.operation(
        Diagnosis(
          what: "There is no folder `\(path)`, and models are not fetched from a hub yet.",
          where: path,
          next: "If it is a model of a hub, fetch it first: `hf download \(path) --local-dir "
            + "\(path)`."))
    }
  }

  /// Folds the adapter in a folder into a checkpoint, lazily.
  public static func foldFolder(
    _ model: Checkpoint, _ adapter: ModelReference.Location
  ) throws -> Checkpoint {
    do throws(AdapterError) {
      return try Adapter.open(directory: adapter.path).folded(into: model)
    } catch {
      throw MergeError.operation(error.diagnosis)
    }
  }

  static func folded(
    _ model: Checkpoint, _ adapter: ModelReference.Location,
    _ fold: ((Checkpoint, ModelReference.Location) throws -> Checkpoint)?,
    _ reference: ModelReference
  ) throws -> Checkpoint {
    guard let fold else {
      throw MergeError.operation(
        Diagnosis(
          what: "The adapter `\(adapter)` cannot be folded in here.", where: "\(reference)",
          next: "Fold it into its model first, and name the result."))
    }
    return try fold(model, adapter)
  }
}
