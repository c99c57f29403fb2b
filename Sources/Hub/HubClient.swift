// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Foundation
import Synchronization

/// What a download would do.
public struct HubPlan: Sendable {
  public let model: HubModel
  public let purpose: HubPurpose
  public let commit: String
  /// The folder that will hold the files.
  public let folder: String
  /// What is needed, sorted by name.
  public let files: [HubFile]
  /// Those of them that the cache does not have whole.
  public let missing: [HubFile]
  /// How many bytes of ``missing`` an earlier attempt left.
  public let partialByteCount: Int
  /// Bytes that were read to make the plan.
  let known: [String: [UInt8]]

  public var byteCount: Int { files.reduce(0) { $0 + $1.byteCount } }
  /// What is still to come.
  public var missingByteCount: Int {
    missing.reduce(0) { $0 + $1.byteCount } - partialByteCount
  }
}

/// A model in the cache, with all that is needed.
public struct HubSnapshot: Sendable, Equatable {
  public let model: HubModel
  public let commit: String
  public let folder: String
}

/// A hub and the cache before it. Every call waits for its end; it may be asked to stop.
public struct HubClient: Sendable {
  public let settings: HubSettings
  public let cache: HubCache
  let system: HubSystem
  let endpoint: HubURL
  let isStopped: @Sendable () -> Bool
  let observer: HubObserver

  /// More of a listing, or of an index of weights, is not read.
  static let longestListing = 64 << 20
  private static let mostPages = 1000

  /// - Parameters:
  ///   - isStopped: asked from any thread, often; once it says yes, calls end with
  ///     ``HubError/interrupted`` and leave what they have for the next.
  /// - Throws: ``HubError/setting(_:problem:)`` for an endpoint that is no URL.
  public init(
    _ settings: HubSettings, observer: @escaping HubObserver = { _ in },
    isStopped: @escaping @Sendable () -> Bool = { false }
  ) throws(HubError) {
    try self.init(settings, system: .real, isStopped: isStopped, observer: observer)
  }

  package init(
    _ settings: HubSettings, system: HubSystem, isStopped: @escaping @Sendable () -> Bool,
    observer: @escaping HubObserver
  ) throws(HubError) {
    guard let endpoint = HubURL(settings.endpoint) else {
      throw .setting("HF_ENDPOINT", problem: "expected an URL such as https://huggingface.co")
    }
    self.settings = settings
    self.system = system
    self.endpoint = endpoint
    self.isStopped = isStopped
    self.observer = observer
    cache = HubCache(folder: settings.cacheFolder)
  }

  private func session(_ model: HubModel, _ tell: @escaping HubObserver) throws -> HubSession {
    HubSession(
      settings: settings, system: system, model: model, endpoint: endpoint,
      connection: try HubConnection(settings, system, isStopped: isStopped),
      isStopped: isStopped,
      onRetry: { tell(.retrying(place: $0, reason: $1, delay: $2)) })
  }

  // MARK: Looking

  /// What is needed of a model, and what of it is missing here. Fetches lists and an index of
  /// weights, and writes nothing.
  ///
  /// - Throws: ``HubError``; ``HubError/offline(_:missing:folder:)`` too, for only a hub knows.
  public func plan(_ model: HubModel, for purpose: HubPurpose = .model) throws -> HubPlan {
    guard !settings.isOffline else {
      throw HubError.offline(model, missing: ["the hub's listing"], folder: cache.folder)
    }
    let session = try session(model, observer)
    let commit = try model.isCommit ? model.revision : self.commit(session)
    let listing = try files(session, commit)
    let byName = Dictionary(listing.map { ($0.path, $0) }) { first, _ in first }
    let names = Set(byName.keys)

    var known: [String: [UInt8]] = [:]
    var shards: [String] = []
    if let index = HubSelection.index(of: names, for: purpose), let file = byName[index] {
      let bytes = try contents(file, session, commit)
      known[index] = bytes
      shards = try HubListing.shards(bytes, index: index, of: model)
    }
    guard let needed = HubSelection.needed(of: names, for: purpose, shards: shards) else {
      throw HubError.noWeights(model, found: names.sorted())
    }
    let files = try needed.map { name in
      guard let file = byName[name] else { throw HubError.noFile(name, of: model) }
      return file
    }
    let missing = files.filter { file in
      !cache.has(file, of: model, commit: commit)
        && !cache.isWhole(cache.blob(model, file.hash), file)
    }
    let partial = missing.reduce(0) { sum, file in
      let count = HubDisk.state(cache.blob(model, file.hash) + ".incomplete")?.byteCount ?? 0
      return sum + (count <= file.byteCount ? count : 0)
    }
    return HubPlan(
      model: model, purpose: purpose, commit: commit,
      folder: cache.snapshot(model, commit: commit), files: files, missing: missing,
      partialByteCount: partial, known: known)
  }

  private func commit(_ session: HubSession) throws -> String {
    let model = session.model
    let url = endpoint.appending(
      "/api/models/\(model.id)/revision/" + HubURL.encoded(model.revision))
    let answer = try session.document(url, subject: .model, limit: Self.longestListing)
    return try HubListing.commit(answer.bytes, place: url.place)
  }

  private func files(_ session: HubSession, _ commit: String) throws -> [HubFile] {
    let start = endpoint.appending(
      "/api/models/\(session.model.id)/tree/\(commit)", query: "recursive=true")
    var files: [HubFile] = []
    var seen: Set<String> = []
    var url = start
    while seen.insert(url.text).inserted, seen.count <= Self.mostPages {
      let answer = try session.document(url, subject: .model, limit: Self.longestListing)
      files += try HubListing.files(answer.bytes, of: session.model, place: start.place)
      guard let link = HubListing.next(answer.head.all("link")) else { return files }
      guard let next = url.resolving(link), next.origin == endpoint.origin else {
        throw HubError.answer("the list goes on at another server", place: start.place)
      }
      url = next
    }
    throw HubError.answer("the list of files has no end", place: start.place)
  }

  /// A small file's bytes: out of the cache, else from the hub, checked.
  private func contents(
    _ file: HubFile, _ session: HubSession, _ commit: String
  ) throws -> [UInt8] {
    let url = endpoint.appending(
      "/\(session.model.id)/resolve/\(commit)/" + HubURL.encoded(file.path, keepsSlashes: true))
    guard file.byteCount <= Self.longestListing else {
      throw HubError.answer(
        "an index of \(file.byteCount) bytes is longer than any", place: url.place)
    }
    if let data = cache.contents(
      cache.blob(session.model, file.hash), limit: Self.longestListing),
      data.count == file.byteCount
    {
      return Array(data)
    }
    let bytes = try session.document(
      url, subject: .file(file.path), limit: Self.longestListing
    ).bytes
    guard bytes.count == file.byteCount else {
      throw HubError.wrongSize(
        file.path, expected: file.byteCount, found: bytes.count, place: url.place)
    }
    var hasher = HubHasher(file)
    bytes.withUnsafeBytes { hasher.update($0) }
    guard hasher.result.found == hasher.result.expected else {
      throw HubError.wrongHash(
        file.path, expected: hasher.result.expected, found: hasher.result.found, place: url.place)
    }
    return bytes
  }

  /// The model as the cache has it, nobody asked; `nil` where nothing is there under the revision.
  ///
  /// - Returns: the snapshot, and what it lacks for the purpose.
  public func cached(
    _ model: HubModel, for purpose: HubPurpose = .model
  ) throws -> (snapshot: HubSnapshot, missing: [String])? {
    guard let commit = cache.commit(of: model) else { return nil }
    let folder = cache.snapshot(model, commit: commit)
    guard HubDisk.state(folder)?.isFolder == true else { return nil }
    let here = cache.names(inSnapshot: folder)
    let names = here.union(cache.listedNames(model, commit: commit) ?? [])
    let snapshot = HubSnapshot(model: model, commit: commit, folder: folder)
    var shards: [String] = []
    if let index = HubSelection.index(of: names, for: purpose) {
      guard let data = cache.contents(folder + "/" + index, limit: Self.longestListing) else {
        return (snapshot, [index])
      }
      shards = try HubListing.shards(data, index: index, of: model)
    }
    var missing: Set<String> = []
    if let needed = HubSelection.needed(of: names, for: purpose, shards: shards) {
      missing.formUnion(needed.filter { !here.contains($0) })
    } else {
      missing.insert(purpose.usualFile)
    }
    if purpose == .model, !here.contains("config.json"), !here.contains("adapter_config.json") {
      missing.insert("config.json")
    }
    if purpose == .adapter, !here.contains("adapter_config.json") {
      missing.insert("adapter_config.json")
    }
    if purpose == .tokenizer, missing.isEmpty, !Self.hasTokenizer(here) {
      missing.insert("tokenizer.json")
    }
    return (snapshot, missing.sorted())
  }

  private static func hasTokenizer(_ names: Set<String>) -> Bool {
    names.contains { name in
      ["tokenizer.json", "vocab.json", "vocab.txt"].contains(name)
        || name.hasSuffix(".model") || name.hasSuffix(".tiktoken")
    }
  }

  // MARK: Fetching

  /// The model's folder, with what the purpose needs; fetches what is missing.
  ///
  /// A commit that the cache has whole is not asked for. Where the hub cannot be asked, what the
  /// cache has whole is used, and the observer told.
  /// - Throws: ``HubError``.
  public func snapshot(
    _ model: HubModel, for purpose: HubPurpose = .model
  ) throws -> HubSnapshot {
    let cached = try cached(model, for: purpose)
    if settings.isOffline {
      guard let cached else {
        throw HubError.offline(
          model, missing: ["revision \(model.revision)"], folder: cache.folder(of: model))
      }
      guard cached.missing.isEmpty else {
        throw HubError.offline(model, missing: cached.missing, folder: cached.snapshot.folder)
      }
      return cached.snapshot
    }
    if let cached, model.isCommit, cached.missing.isEmpty, isSurelyWhole(cached.snapshot, purpose) {
      return cached.snapshot
    }
    let plan: HubPlan
    do { plan = try self.plan(model, for: purpose) } catch let error as HubError {
      guard let cached, cached.missing.isEmpty, error.allowsCache else { throw error }
      observer(.usingCache(model, commit: cached.snapshot.commit, reason: error))
      return cached.snapshot
    }
    return try fetch(plan)
  }

  /// A snapshot that another program began may lack files that nothing here tells of.
  private func isSurelyWhole(_ snapshot: HubSnapshot, _ purpose: HubPurpose) -> Bool {
    purpose == .adapter
      || cache.listedNames(snapshot.model, commit: snapshot.commit) != nil
      || Self.hasTokenizer(cache.names(inSnapshot: snapshot.folder))
      || Self.tokenizerNames.allSatisfy {
        cache.isKnownAbsent($0, snapshot.model, commit: snapshot.commit)
      }
  }

  /// The files that transformers looks for, one of which a tokenizer needs.
  private static let tokenizerNames = ["tokenizer.json", "tokenizer.model", "vocab.json"]

  /// Fetches what a plan says is missing, and remembers the revision once all is there.
  public func fetch(_ plan: HubPlan) throws -> HubSnapshot {
    let snapshot = HubSnapshot(model: plan.model, commit: plan.commit, folder: plan.folder)
    let toDo = plan.files.filter { !cache.has($0, of: plan.model, commit: plan.commit) }
    if !toDo.isEmpty {
      try HubDisk.makeFolder(above: plan.folder + "/config.json")
      if let free = system.freeByteCount(plan.folder), free < plan.missingByteCount {
        throw HubError.noRoom(
          folder: cache.folder, needed: plan.missingByteCount, free: free)
      }
      observer(
        .started(
          plan.model, commit: plan.commit, fileCount: toDo.count,
          byteCount: plan.missingByteCount))
      let start = system.now()
      let meter = HubMeter(files: toDo, system, observer)
      try fetch(toDo, plan, meter)
      observer(
        .finished(
          plan.model, folder: plan.folder, byteCount: meter.fetchedByteCount,
          seconds: (system.now() - start) / .seconds(1)))
    }
    try cache.remember(plan.commit, of: plan.model)
    return snapshot
  }

  /// Some files at a time; the first failure, in the order of the files, ends all.
  private func fetch(_ files: [HubFile], _ plan: HubPlan, _ meter: HubMeter) throws {
    let work = Mutex((next: 0, failures: [Int: any Error]()))
    let isStopped = isStopped
    // One failure stops the others where they are.
    let client = try HubClient(
      settings, system: system,
      isStopped: { isStopped() || work.withLock { !$0.failures.isEmpty } }, observer: observer)
    let group = DispatchGroup()
    for _ in 0..<min(settings.parallelCount, files.count) {
      group.enter()
      let thread = Thread {
        defer { group.leave() }
        var session: HubSession?
        while true {
          let index = work.withLock { work -> Int? in
            guard work.failures.isEmpty, work.next < files.count else { return nil }
            work.next += 1
            return work.next - 1
          }
          guard let index else { return }
          do {
            let own = try session ?? client.session(plan.model) { meter.tell($0) }
            session = own
            try HubFileDownload(session: own, cache: cache, commit: plan.commit, meter: meter)
              .run(files[index], known: plan.known[files[index].path])
          } catch {
            work.withLock { $0.failures[index] = error }
          }
        }
      }
      thread.stackSize = 1 << 20
      thread.start()
    }
    group.wait()
    let failures = work.withLock { $0.failures }
    if isStopped() { throw HubError.interrupted }
    // Those that were stopped because of another failure say nothing.
    let causes = failures.filter { ($0.value as? HubError) != .interrupted }
    if let first = causes.min(by: { $0.key < $1.key }) { throw first.value }
  }
}

extension HubError {
  /// Whether the hub's silence or refusal leaves what the cache has in force.
  var allowsCache: Bool {
    switch self {
    case .unreachable, .connection, .unauthorized, .forbidden, .noModel, .tooManyRequests, .status:
      true
    default: false
    }
  }
}
