// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Where models lie that people name: a folder of this machine, or a model of the hub that is
/// fetched when it is first asked for, and then stays at that commit for the whole run.
public final class HubModels: Sendable {
  private struct Key: Hashable {
    var model: HubModel
    var purpose: HubPurpose
  }

  private let makeClient: @Sendable () throws -> HubClient
  private let known = Mutex<[Key: HubSnapshot]>([:])
  private let commits = Mutex<[HubModel: String]>([:])
  private let client = Mutex<HubClient?>(nil)

  /// - Parameter client: called once, when the hub is first needed, so that a wrong setting of the
  ///   environment is no error of work that needs no hub.
  public init(client: @escaping @Sendable () throws -> HubClient) { makeClient = client }

  /// The hub of this environment.
  public static func environment(
    userAgent: String = "koine", isStopped: @escaping @Sendable () -> Bool = { false },
    observer: @escaping HubObserver = { _ in }
  ) -> HubModels {
    HubModels {
      var settings = try HubSettings.environment()
      settings.userAgent = userAgent
      return try HubClient(settings, observer: observer, isStopped: isStopped)
    }
  }

  /// The model of a hub that a text means; `nil` for a folder and for what looks like a path.
  ///
  /// A folder of that path always wins. Other texts than `org/name` are no names of a hub.
  ///
  /// - Parameter revision: what stood behind the path; `nil` where the text may hold it.
  /// - Throws: ``HubError/folderRevision(path:revision:)`` for a folder with a revision, and
  ///   ``HubError/revision(_:of:)``.
  public static func model(_ text: String, revision: String? = nil) throws(HubError) -> HubModel? {
    if HubDisk.state(text)?.isFolder == true {
      guard let revision else { return nil }
      throw .folderRevision(path: text, revision: revision)
    }
    if HubModel.looksLikePath(text) {
      guard let revision else { return nil }
      throw .folderRevision(path: text, revision: revision)
    }
    if let revision {
      return HubModel.isName(text) ? try HubModel(id: text, revision: revision) : nil
    }
    let name = text.prefix { $0 != "@" }
    return HubModel.isName(String(name)) ? try HubModel(parsing: text) : nil
  }

  /// The folder that a text means; the text itself where it is no model of a hub.
  ///
  /// - Throws: ``HubError``.
  public func folder(
    _ text: String, revision: String? = nil, for purpose: HubPurpose = .model
  ) throws -> String {
    guard let model = try Self.model(text, revision: revision) else {
      return revision.map { "\(text)@\($0)" } ?? text
    }
    return try snapshot(model, for: purpose).folder
  }

  /// The snapshot of a model, asked for once.
  public func snapshot(_ model: HubModel, for purpose: HubPurpose) throws -> HubSnapshot {
    if let snapshot = known.withLock({ $0[Key(model: model, purpose: purpose)] }) {
      return snapshot
    }
    let snapshot = try theClient().snapshot(fixed(model), for: purpose)
    known.withLock { $0[Key(model: model, purpose: purpose)] = snapshot }
    commits.withLock { $0[model] = snapshot.commit }
    return snapshot
  }

  /// What fetching a model would take; `nil` where the cache has all of it.
  public func missing(_ model: HubModel, for purpose: HubPurpose) throws -> HubPlan? {
    let client = try theClient()
    if let cached = try client.cached(model, for: purpose), cached.missing.isEmpty,
      client.settings.isOffline || model.isCommit
    {
      return nil
    }
    let plan: HubPlan
    do { plan = try client.plan(fixed(model), for: purpose) } catch let error as HubError {
      guard let cached = try client.cached(model, for: purpose), cached.missing.isEmpty,
        error.allowsCache
      else { throw error }
      return nil
    }
    commits.withLock { $0[model] = plan.commit }
    return plan.missing.isEmpty ? nil : plan
  }

  /// The model at the commit that it had before in this run.
  private func fixed(_ model: HubModel) throws -> HubModel {
    guard let commit = commits.withLock({ $0[model] }) else { return model }
    return try HubModel(id: model.id, revision: commit)
  }

  private func theClient() throws -> HubClient {
    if let client = client.withLock({ $0 }) { return client }
    let made = try makeClient()
    client.withLock { $0 = made }
    return made
  }
}
