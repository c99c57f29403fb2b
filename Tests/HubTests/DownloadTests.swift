// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization
import Testing

@testable import Hub

@Suite struct DownloadTests {
  private let bench: Bench
  init() throws { bench = try Bench() }

  /// The snapshot holds what is needed, byte for byte, and nothing half-done lies about.
  private func expectWhole(
    _ snapshot: HubSnapshot, _ hub: FakeHub, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(bench.names(snapshot.folder) == tinyNeeded, sourceLocation: sourceLocation)
    for name in tinyNeeded {
      #expect(
        bench.bytes(snapshot.folder + "/" + name) == tinyFiles[name]?.bytes,
        sourceLocation: sourceLocation)
    }
    let blobs = tinyNeeded.compactMap { tinyFiles[$0]?.hash.digits }
    #expect(
      bench.names(bench.storage + "/blobs") == Set(blobs).sorted(), sourceLocation: sourceLocation)
    #expect(
      bench.bytes(bench.storage + "/refs/main") == Array(hub.commit.utf8),
      sourceLocation: sourceLocation)
  }

  @Test func `a model comes into the cache in its layout`() throws {
    let hub = try FakeHub(tinyFiles)
    let snapshot = try bench.client(hub).snapshot(.tiny)
    #expect(snapshot.commit == hub.commit)
    #expect(snapshot.folder == "\(bench.storage)/snapshots/\(hub.commit)")
    #expect(HubCache.commit(ofSnapshot: snapshot.folder) == hub.commit)
    expectWhole(snapshot, hub)
    let link = try FileManager.default.destinationOfSymbolicLink(
      atPath: snapshot.folder + "/config.json")
    #expect(link == "../../blobs/\(tinyFiles["config.json"]!.hash.digits)")
    #expect(
      bench.names(bench.cacheFolder + "/.locks/models--org--tiny").count == tinyNeeded.count)
    // Nothing that is not needed was asked for.
    #expect(
      Set(hub.paths.filter { $0.contains("/resolve/") }) == Set(tinyNeeded.map(hub.resolvePath)))
    #expect(hub.requests.allSatisfy { $0.fields["authorization"] == nil })
    #expect(hub.requests.allSatisfy { $0.fields["accept-encoding"] == "identity" })
  }

  @Test func `what the cache has is not fetched again`() throws {
    let hub = try FakeHub(tinyFiles)
    _ = try bench.client(hub).snapshot(.tiny)
    let before = hub.requests.count
    let snapshot = try bench.client(hub).snapshot(.tiny)
    expectWhole(snapshot, hub)
    #expect(hub.paths.dropFirst(before).allSatisfy { $0.hasPrefix("/api/") })
    #expect(hub.requests.count == before + 2)
    // A commit never changes: nobody is asked.
    let pinned = try HubModel(id: FakeHub.id, revision: hub.commit)
    #expect(try bench.client(hub).snapshot(pinned).folder == snapshot.folder)
    #expect(hub.requests.count == before + 2)
  }

  @Test func `a snapshot known to have no tokenizer is not asked for`() throws {
    let hub = try FakeHub(tinyFiles)
    let whole = try bench.client(hub).snapshot(.tiny)
    for name in ["tokenizer.json", "tokenizer.model", "vocab.json"] {
      try? FileManager.default.removeItem(atPath: "\(whole.folder)/\(name)")
    }
    let pinned = try HubModel(id: FakeHub.id, revision: hub.commit)
    let markers = "\(bench.storage)/.no_exist/\(hub.commit)"
    try FileManager.default.createDirectory(atPath: markers, withIntermediateDirectories: true)
    for name in ["tokenizer.json", "tokenizer.model", "vocab.json"] {
      try Data().write(to: URL(fileURLWithPath: "\(markers)/\(name)"))
    }
    let before = hub.requests.count
    _ = try bench.client(hub).snapshot(pinned)
    #expect(hub.requests.count == before)
    // With one of them it may have one, so the hub is asked.
    try FileManager.default.removeItem(atPath: "\(markers)/tokenizer.json")
    _ = try bench.client(hub).snapshot(pinned)
    #expect(hub.requests.count > before)
  }

  @Test func `another commit takes over the blobs that are the same`() throws {
    let hub = try FakeHub(tinyFiles)
    _ = try bench.client(hub).snapshot(.tiny)
    let old = hub.commit
    var files = tinyFiles
    files["config.json"] = .init(#"{"model_type":"qwen2"}"#)
    hub.set(files, commit: String(repeating: "b", count: 40))
    let before = hub.requests.count
    let snapshot = try bench.client(hub).snapshot(.tiny)
    #expect(
      hub.paths.dropFirst(before).filter { $0.contains("/resolve/") } == [
        hub.resolvePath("config.json")
      ])
    #expect(bench.bytes(snapshot.folder + "/config.json") == files["config.json"]?.bytes)
    // The old snapshot is as it was.
    #expect(
      bench.bytes("\(bench.storage)/snapshots/\(old)/config.json")
        == tinyFiles["config.json"]?.bytes)
    #expect(bench.bytes(bench.storage + "/refs/main") == Array(hub.commit.utf8))
  }

  @Test func `a snapshot that lacks a file, or has a damaged blob, is completed`() throws {
    let hub = try FakeHub(tinyFiles)
    let snapshot = try bench.client(hub).snapshot(.tiny)
    try FileManager.default.removeItem(atPath: snapshot.folder + "/config.json")
    let blob = "\(bench.storage)/blobs/\(tinyFiles["model.safetensors"]!.hash.digits)"
    try Data([1, 2, 3]).write(to: URL(fileURLWithPath: blob))
    let before = hub.requests.count
    expectWhole(try bench.client(hub).snapshot(.tiny), hub)
    // The blob of the config was there: only its link was missing.
    #expect(
      hub.paths.dropFirst(before).filter { $0.contains("/resolve/") } == [
        hub.resolvePath("model.safetensors")
      ])
  }

  @Test func `shards are fetched as the index says, over pages of the listing`() throws {
    var files = tinyFiles
    files["model.safetensors"] = nil
    let shards = (1...6).map { "model-0000\($0)-of-00006.safetensors" }
    for (index, name) in shards.enumerated() {
      files[name] = .init(bytes: noise(20_000, seed: UInt64(index)), isLarge: true)
    }
    let map = shards.map { "\"w\($0)\":\"\($0)\"" }.joined(separator: ",")
    files["model.safetensors.index.json"] = .init("{\"weight_map\":{\(map)}}")
    files["consolidated.safetensors"] = .init(bytes: noise(10, seed: 9), isLarge: true)
    let hub = try FakeHub(files)
    hub.setPageSize(3)
    let snapshot = try bench.client(hub).snapshot(.tiny)
    let expected =
      tinyNeeded.filter { $0 != "model.safetensors" } + shards + ["model.safetensors.index.json"]
    #expect(bench.names(snapshot.folder) == expected.sorted())
    // The index was read to choose by it, and is not asked for twice.
    #expect(hub.paths.filter { $0.hasSuffix("index.json") }.count == 1)
  }

  @Test func `an index that names what is not listed, or elsewhere, is refused`() throws {
    for (name, isHostile) in [("model-2.safetensors", false), ("../../x.safetensors", true)] {
      var files = tinyFiles
      files["model.safetensors"] = nil
      files["model.safetensors.index.json"] = .init(#"{"weight_map":{"w":"\#(name)"}}"#)
      let hub = try FakeHub(files)
      let error = hubError { try bench.client(hub).snapshot(.tiny) }
      #expect(error == (isHostile ? .fileName(name, of: .tiny) : .noFile(name, of: .tiny)))
    }
  }

  @Test func `a plan says what would come and writes nothing`() throws {
    let hub = try FakeHub(tinyFiles)
    let plan = try bench.client(hub).plan(.tiny)
    #expect(plan.files.map(\.path) == tinyNeeded)
    #expect(plan.missing == plan.files)
    #expect(plan.missingByteCount == tinyNeeded.reduce(0) { $0 + tinyFiles[$1]!.bytes.count })
    #expect(bench.names(bench.cacheFolder) == [])
    #expect(hub.paths.allSatisfy { $0.hasPrefix("/api/") })
    _ = try bench.client(hub).snapshot(.tiny, for: .tokenizer)
    #expect(try bench.client(hub).plan(.tiny).missing.map(\.path).contains("model.safetensors"))
    #expect(try bench.client(hub).plan(.tiny).missing.count == 2)
  }

  @Test func `a repository without weights says what it holds`() throws {
    let hub = try FakeHub(["model.gguf": .init("x"), "config.json": .init("{}")])
    let error = hubError { try bench.client(hub).snapshot(.tiny) }
    #expect(error == .noWeights(.tiny, found: ["config.json", "model.gguf"]))
    #expect(error?.description.contains("`model.gguf`") == true)
  }

  @Test func `an empty file and names with odd signs are fetched`() throws {
    var files = tinyFiles
    files["generation_config.json"] = .init("")
    files["a b#?%ä.tiktoken"] = .init("odd")
    let hub = try FakeHub(files)
    let snapshot = try bench.client(hub).snapshot(.tiny)
    #expect(bench.bytes(snapshot.folder + "/generation_config.json") == [])
    #expect(bench.bytes(snapshot.folder + "/a b#?%ä.tiktoken") == Array("odd".utf8))
  }

  @Test func `progress grows to the whole, with rates by the clock`() throws {
    let hub = try FakeHub(tinyFiles)
    bench.tick.withLock { $0 = .milliseconds(1) }
    _ = try bench.client(hub).snapshot(.tiny)
    let total = tinyNeeded.reduce(0) { $0 + tinyFiles[$1]!.bytes.count }
    let seen = bench.events.compactMap { if case .progress(let p) = $0 { p } else { nil } }
    #expect(seen.map(\.byteCount) == seen.map(\.byteCount).sorted())
    let last = try #require(seen.last)
    #expect(last.byteCount == total && last.total == total && last.rate > 0)
    #expect(last.finishedCount == tinyNeeded.count && last.fileCount == tinyNeeded.count)
    #expect(last.remaining == 0)
    guard case .started(_, _, 5, total)? = bench.events.first else {
      Issue.record("\(bench.events.first as Any)")
      return
    }
    guard case .finished(_, _, total, _)? = bench.events.last else {
      Issue.record("\(bench.events.last as Any)")
      return
    }
  }

  @Test func `offline, the cache serves, and what it lacks is named`() throws {
    let hub = try FakeHub(tinyFiles)
    let offline = try bench.client(hub, adjust: { $0.isOffline = true })
    #expect(
      hubError { try offline.snapshot(.tiny) }
        == .offline(.tiny, missing: ["revision main"], folder: bench.storage))
    let snapshot = try bench.client(hub).snapshot(.tiny, for: .tokenizer)
    let before = hub.requests.count
    #expect(try offline.snapshot(.tiny, for: .tokenizer) == snapshot)
    #expect(
      hubError { try offline.snapshot(.tiny) }
        == .offline(.tiny, missing: ["model.safetensors"], folder: snapshot.folder))
    _ = try bench.client(hub).snapshot(.tiny)
    let known = hub.requests.count
    #expect(try offline.snapshot(.tiny) == snapshot)
    #expect(known > before && hub.requests.count == known)
  }

  @Test func `a missing shard is found offline`() throws {
    var files = tinyFiles
    files["model.safetensors"] = nil
    files["model-1.safetensors"] = .init(bytes: noise(10, seed: 1), isLarge: true)
    files["model.safetensors.index.json"] = .init(#"{"weight_map":{"w":"model-1.safetensors"}}"#)
    let hub = try FakeHub(files)
    let snapshot = try bench.client(hub).snapshot(.tiny)
    let offline = try bench.client(hub, adjust: { $0.isOffline = true })
    #expect(try offline.snapshot(.tiny) == snapshot)
    try FileManager.default.removeItem(atPath: snapshot.folder + "/model-1.safetensors")
    #expect(
      hubError { try offline.snapshot(.tiny) }
        == .offline(.tiny, missing: ["model-1.safetensors"], folder: snapshot.folder))
  }

  @Test func `a hub that does not answer leaves the cache in force, and says so`() throws {
    let hub = try FakeHub(tinyFiles)
    let snapshot = try bench.client(hub).snapshot(.tiny)
    let path = "/api/models/org/tiny/revision/main"
    for status in [503, 401, 403, 404] {
      hub.always(path) { _, client in client.answer(status) }
      let other = try Bench()
      #expect(throws: HubError.self) { try other.client(hub).snapshot(.tiny) }
      #expect(try bench.client(hub).snapshot(.tiny) == snapshot)
      guard case .usingCache(_, hub.commit, _)? = bench.events.last else {
        Issue.record("\(bench.events.last as Any)")
        return
      }
    }
    hub.always(path) { _, client in client.answer(404, ["X-Error-Code": "RevisionNotFound"]) }
    #expect(
      hubError { try bench.client(hub).snapshot(.tiny) }
        == .noRevision(.tiny, page: hub.server.origin + "/org/tiny"))
  }

  @Test func `one run stays at one commit`() throws {
    let hub = try FakeHub(tinyFiles)
    let client = try bench.client(hub)
    let models = HubModels { client }
    let first = try models.folder("org/tiny", for: .tokenizer)
    hub.set(tinyFiles, commit: String(repeating: "d", count: 40))
    #expect(throws: HubError.self) { try models.folder("org/tiny", for: .model) }
    #expect(try models.folder("org/tiny", for: .tokenizer) == first)
  }

  @Test func `the cache is listed with sizes and references`() throws {
    let hub = try FakeHub(tinyFiles)
    let snapshot = try bench.client(hub).snapshot(.tiny)
    try FileManager.default.createDirectory(
      atPath: bench.cacheFolder + "/datasets--a--b", withIntermediateDirectories: true)
    try Data(count: 7).write(to: URL(fileURLWithPath: bench.storage + "/blobs/x.incomplete"))
    let models = HubCache(folder: bench.cacheFolder).models()
    #expect(
      models == [
        CachedModel(
          id: "org/tiny", folder: bench.storage,
          references: [.init(name: "main", commit: hub.commit)], commits: [hub.commit],
          byteCount: tinyNeeded.reduce(0) { $0 + tinyFiles[$1]!.bytes.count }, partialByteCount: 7)
      ])
    #expect(snapshot.folder.hasPrefix(models[0].folder))
    #expect(HubCache(folder: bench.root + "/none").models() == [])
  }

  @Test func `models without an owner are listed too, and what is no model's folder is not`() throws
  {
    let commit = String(repeating: "a", count: 40)
    let folder = bench.cacheFolder + "/models--gpt2-medium"
    for part in ["blobs", "refs", "snapshots/\(commit)"] {
      try FileManager.default.createDirectory(
        atPath: folder + "/" + part, withIntermediateDirectories: true)
    }
    try Data(count: 5).write(to: URL(fileURLWithPath: folder + "/blobs/x"))
    try Data(commit.utf8).write(to: URL(fileURLWithPath: folder + "/refs/main"))
    for name in ["models--", "models--a--b--c", "models---a", "models--.a", "models--a--"] {
      try FileManager.default.createDirectory(
        atPath: bench.cacheFolder + "/" + name, withIntermediateDirectories: true)
    }
    #expect(
      HubCache(folder: bench.cacheFolder).models() == [
        CachedModel(
          id: "gpt2-medium", folder: folder, references: [.init(name: "main", commit: commit)],
          commits: [commit], byteCount: 5, partialByteCount: 0)
      ])
  }
}
