// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Documents

/// Turns the references of a recipe into checkpoints. Nested merges and differences are planned and
/// never asked for.
public struct ModelResolver {
  /// Finds the folder of a stored model or adapter, and may fetch it. Called as often as a folder is
  /// needed; the same location has the same folder each time.
  public typealias Locator = (_ stored: StoredModel) throws -> String

  /// The checkpoint of a stored model, its adapter folded in; called once for each reference.
  public let resolve: (ModelReference) throws -> Checkpoint
  /// Folds an adapter into a checkpoint, for adapters of nested merges; `nil` where none can.
  public let fold: ((Checkpoint, _ adapter: ModelReference.Location) throws -> Checkpoint)?
  /// The folders that a path with `*` or `?` stands for; `nil` where such a path is one like others.
  public let folders: ((_ pattern: String) throws(MergeError) -> [String])?
  /// The folder of a stored model or adapter; `nil` where models are no folders.
  public let locate: Locator?
  /// The statistics of a path in the recipe; by default those of a folder.
  public let statistics: (String) throws -> ModelStatistics

  public init(
    fold: ((Checkpoint, ModelReference.Location) throws -> Checkpoint)? = nil,
    folders: ((_ pattern: String) throws(MergeError) -> [String])? = nil, locate: Locator? = nil,
    statistics: @escaping (String) throws -> ModelStatistics = { try ModelStatistics.open($0) },
    resolve: @escaping (ModelReference) throws -> Checkpoint
  ) {
    self.resolve = resolve
    self.fold = fold
    self.folders = folders
    self.locate = locate
    self.statistics = statistics
  }

  /// Paths are folders of this machine, or whatever `locate` finds a folder for.
  ///
  /// - Parameters:
  ///   - fold: folds adapters; by default those of PEFT and mlx-lm, out of their folders.
  ///   - locate: by default the path itself is the folder, and a revision an error.
  ///   - locateStatistics: the folder or file of a model's statistics; by default the path itself.
  public static func folders(
    fold: @escaping (Checkpoint, ModelReference.Location) throws -> Checkpoint = foldFolder,
    locate: @escaping Locator = folder,
    locateStatistics: @escaping (_ path: String) throws -> String = { $0 }
  ) -> ModelResolver {
    let foldLocated = { (model: Checkpoint, adapter: ModelReference.Location) in
      try fold(model, .init(path: try locate(StoredModel(adapter, isAdapter: true))))
    }
    let opened = { (path: String) in try ModelStatistics.open(try locateStatistics(path)) }
    let resolve = { (reference: ModelReference) in
      guard case .stored(let location) = reference.base else {
        preconditionFailure("merges and differences are planned, not resolved")
      }
      let model = try open(try locate(StoredModel(location)))
      guard let adapter = reference.adapter else { return model }
      return try folded(model, adapter, foldLocated, reference)
    }
    return ModelResolver(
      fold: foldLocated, folders: FolderPattern.folders, locate: locate, statistics: opened,
      resolve: resolve)
  }

  /// The path of a stored model; a revision is an error, for a folder has none.
  public static func folder(_ stored: StoredModel) throws -> String {
    guard stored.location.revision != nil else { return stored.location.path }
    throw MergeError.operation(
      Diagnosis(
        what: "A folder has no revisions, found `\(stored.location)`.",
        where: "\(stored.location)",
        next: "Fetch that revision into a folder and name the folder."))
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
          what: "There is no folder `\(path)`.", where: path,
          next: "If it is a model of a hub, fetch it first: `koine hub download \(path)` tells "
            + "its folder."))
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

  /// The checkpoint with the adapter of a reference folded in, if it names one.
  public func folding(
    _ reference: ModelReference, into model: Checkpoint
  ) throws -> Checkpoint {
    guard let adapter = reference.adapter else { return model }
    return try Self.folded(model, adapter, fold, reference)
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
