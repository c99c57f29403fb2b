// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Foundation

/// `step.json`: what a finished step's folder holds and how it came to be.
///
/// It is written last, so a folder under its final name that has one is complete.
public struct StepManifest: Equatable, Sendable {
  /// A file of the folder.
  public struct File: Equatable, Sendable {
    /// Relative to the folder.
    public var path: String
    /// Its length.
    public var byteCount: Int
    /// SHA-256 of its content.
    public var hash: String
  }

  /// The manifest's name in the folder.
  public static let fileName = "step.json"
  private static let schema = 1

  /// The name in the recipe that first made it.
  public var name: String
  /// The kind and its version.
  public var kind: StepKind
  /// Its key.
  public var key: StepKey
  /// The seed.
  public var seed: UInt64
  /// The settings as given.
  public var settings: JSON
  /// Inputs by label: what they are, and for files the path they had.
  public var inputs: JSON
  /// When it was finished, ISO 8601 in UTC.
  public var finishedAt: String
  /// Wall time in seconds over all runs that worked on it.
  public var seconds: Double
  /// What the step told about its result, such as `trained_tokens`.
  public var facts: JSONObject
  /// Every file but this one, sorted by path.
  public var files: [File]

  /// The length of all files.
  public var byteCount: Int { files.reduce(0) { $0 + $1.byteCount } }

  /// The JSON of `step.json`.
  var json: JSON {
    [
      "schema": JSON(Self.schema), "name": JSON(name), "kind": JSON(kind.name),
      "version": JSON(kind.version), "key": JSON(key.hex), "seed": .string(String(seed)),
      "settings": settings, "inputs": inputs, "finished_at": JSON(finishedAt),
      "seconds": JSON(seconds), "facts": .object(facts),
      "files": JSON(
        files.map { file -> JSON in
          ["path": JSON(file.path), "bytes": JSON(file.byteCount), "sha256": JSON(file.hash)]
        }),
    ]
  }

  /// Reads the manifest of a finished folder.
  /// - Throws: `DocumentError` or `RecipeError.io` when it is not there or not one of ours.
  public init(folder: String) throws {
    let path = folder + "/" + Self.fileName
    try self.init(JSON.parse(try Disk.read(path), origin: path), origin: path)
  }

  init(_ value: JSON, origin: String) throws {
    func need<Value>(_ key: String, _ read: (JSON) -> Value?) throws -> Value {
      guard let member = value[key] else {
        throw DocumentError.missingKey(key, path: "", line: nil, origin: origin)
      }
      guard let result = read(member) else {
        throw DocumentError.wrongValue(
          path: key, line: nil, origin: origin, expected: "what a manifest holds there",
          found: member.kindName)
      }
      return result
    }
    _ = try need("schema") { $0.int == Self.schema ? true : nil }
    name = try need("name", \.string)
    let kindName = try need("kind") { $0.string.flatMap { StepGraph.isUsableName($0) ? $0 : nil } }
    kind = StepKind(kindName, version: try need("version", \.int))
    key = StepKey(hex: try need("key", \.string))
    seed = try need("seed") { $0.string.flatMap { UInt64($0) } }
    settings = try need("settings") { $0 }
    inputs = try need("inputs") { $0 }
    finishedAt = try need("finished_at", \.string)
    seconds = try need("seconds", \.double)
    facts = try need("facts", \.object)
    files = try need("files") { member in
      guard let elements = member.array else { return nil }
      let files = elements.compactMap { element -> File? in
        guard let path = element["path"]?.string, let byteCount = element["bytes"]?.int,
          let hash = element["sha256"]?.string
        else { return nil }
        return File(path: path, byteCount: byteCount, hash: hash)
      }
      return files.count == elements.count ? files : nil
    }
  }

  init(
    name: String, kind: StepKind, key: StepKey, seed: UInt64, settings: JSON, inputs: JSON,
    finishedAt: String, seconds: Double, facts: JSONObject, files: [File]
  ) {
    self.name = name
    self.kind = kind
    self.key = key
    self.seed = seed
    self.settings = settings
    self.inputs = inputs
    self.finishedAt = finishedAt
    self.seconds = seconds
    self.facts = facts
    self.files = files
  }
}

extension StepManifest {
  /// What is in a step's place.
  enum Finding: Equatable, Sendable {
    /// Nothing.
    case absent
    /// A finished result.
    case finished(StepManifest)
    /// A folder that is not what its manifest says, with the difference.
    case damaged(String)
  }

  /// Compares a folder with its manifest: the key and every file's length, with `verify` every
  /// file's hash too. Files that the manifest does not list do not matter.
  static func find(in folder: String, key: StepKey, verify: Bool) throws -> Finding {
    guard Disk.exists(folder) else { return .absent }
    let manifest: StepManifest
    do { manifest = try StepManifest(folder: folder) } catch let error as any Diagnosed {
      return .damaged("\(fileName) is unreadable: \(error.diagnosis.what.clause)")
    }
    guard manifest.key == key else { return .damaged("\(fileName) belongs to another step") }
    for file in manifest.files {
      let path = folder + "/" + file.path
      guard let state = Disk.identity(path), !state.isFolder else {
        return .damaged("\(file.path) is missing")
      }
      guard state.byteCount == file.byteCount else {
        return .damaged("\(file.path) has \(state.byteCount) bytes, \(file.byteCount) expected")
      }
      if verify, try Hashing.sha256(fileAt: path).hash != file.hash {
        return .damaged("\(file.path) has another hash than when it was written")
      }
    }
    return .finished(manifest)
  }
}
