// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Foundation
import Synchronization

@testable import Hub

/// A repository on a loopback server that speaks a hub's protocol, and lies when it is told to.
final class FakeHub: Sendable {
  typealias Answer = @Sendable (LoopbackServer.Request, LoopbackServer.Client) -> Void

  struct File: Sendable {
    var bytes: [UInt8]
    var isLarge = false

    var hash: HubFile.Hash {
      let draft = HubFile(
        path: "x", byteCount: bytes.count,
        hash: isLarge ? .sha256("") : .gitBlob(""))
      var hasher = HubHasher(draft)
      bytes.withUnsafeBytes { hasher.update($0) }
      let digits = hasher.result.found
      return isLarge ? .sha256(digits) : .gitBlob(digits)
    }
  }

  private struct State: Sendable {
    var files: [String: File]
    var commit: String
    var token: String?
    var pageSize = 1000
    /// Answers to the next requests for a path, in place of the right ones.
    var lies: [String: [Answer]] = [:]
    var always: [String: Answer] = [:]
  }

  static let id = "org/tiny"
  private let state: Mutex<State>
  private let box = Mutex<LoopbackServer?>(nil)
  var server: LoopbackServer { box.withLock { $0! } }
  var commit: String { state.withLock { $0.commit } }
  var requests: [LoopbackServer.Request] { server.requests }
  /// The paths that were asked for, queries left away.
  var paths: [String] { requests.map(\.path) }

  init(
    _ files: [String: File], commit: String = String(repeating: "c0ffee", count: 6) + "1234",
    token: String? = nil
  ) throws {
    state = Mutex(State(files: files, commit: commit, token: token))
    let server = try LoopbackServer { [weak self] request, client in
      self?.serve(request, client)
    }
    box.withLock { $0 = server }
  }

  deinit { server.stop() }

  func resolvePath(_ file: String) -> String { "/\(Self.id)/resolve/\(commit)/\(file)" }

  /// The next requests for a path are answered so, one each.
  func lie(_ path: String, _ answers: Answer...) {
    state.withLock { $0.lies[path, default: []] += answers }
  }

  /// All requests for a path are answered so.
  func always(_ path: String, _ answer: @escaping Answer) {
    state.withLock { $0.always[path] = answer }
  }

  func setPageSize(_ count: Int) { state.withLock { $0.pageSize = count } }
  func set(_ files: [String: File], commit: String) {
    state.withLock { ($0.files, $0.commit) = (files, commit) }
  }

  private func serve(_ request: LoopbackServer.Request, _ client: LoopbackServer.Client) {
    let path = request.path
    let lie = state.withLock { state -> Answer? in
      if let answer = state.always[path] { return answer }
      guard state.lies[path]?.isEmpty == false else { return nil }
      return state.lies[path]?.removeFirst()
    }
    if let lie { return lie(request, client) }
    answer(request, client)
  }

  /// The right answer.
  func answer(_ request: LoopbackServer.Request, _ client: LoopbackServer.Client) {
    let state = state.withLock { $0 }
    if let token = state.token, request.fields["authorization"] != "Bearer \(token)" {
      return client.answer(401, ["X-Error-Code": "RepoNotFound"])
    }
    let api = "/api/models/\(Self.id)"
    let path = request.path
    if path == "\(api)/revision/main" || path == "\(api)/revision/\(state.commit)" {
      return client.answer(200, [:], Array(#"{"sha":"\#(state.commit)","siblings":[]}"#.utf8))
    }
    if path == "\(api)/tree/\(state.commit)" { return list(request, client, state) }
    let prefix = "/\(Self.id)/resolve/\(state.commit)/"
    if path.hasPrefix(prefix), let file = state.files[String(path.dropFirst(prefix.count))] {
      return Self.send(file, request, client)
    }
    if path.hasPrefix("\(api)/revision/") {
      return client.answer(404, ["X-Error-Code": "RevisionNotFound"])
    }
    client.answer(404, ["X-Error-Code": path.hasPrefix(prefix) ? "EntryNotFound" : "RepoNotFound"])
  }

  /// A file, or the part that is asked for.
  static func send(
    _ file: File, _ request: LoopbackServer.Request, _ client: LoopbackServer.Client
  ) {
    let fields = ["ETag": "\"\(file.hash.digits)\"", "X-Repo-Commit": "c"]
    guard let start = request.rangeStart else { return client.answer(200, fields, file.bytes) }
    guard start < file.bytes.count else { return client.answer(416) }
    var more = fields
    more["Content-Range"] = "bytes \(start)-\(file.bytes.count - 1)/\(file.bytes.count)"
    client.answer(206, more, Array(file.bytes[start...]))
  }

  private func list(
    _ request: LoopbackServer.Request, _ client: LoopbackServer.Client, _ state: State
  ) {
    let names = state.files.keys.sorted()
    let cursor =
      request.target.split(separator: "cursor=").dropFirst().first.flatMap { Int($0) } ?? 0
    let page = names[min(cursor, names.count)...].prefix(state.pageSize)
    var fields: [String: String] = [:]
    if cursor + page.count < names.count {
      fields["Link"] =
        "<\(server.origin)/api/models/\(Self.id)/tree/\(state.commit)?recursive=true"
        + "&cursor=\(cursor + page.count)>; rel=\"next\""
    }
    client.answer(200, fields, Array(Self.listing(page.map { ($0, state.files[$0]!) }).utf8))
  }

  static func listing(_ files: [(String, File)]) -> String {
    let entries = files.map { name, file -> JSON in
      let digits = file.hash.digits
      var entry: JSON = [
        "type": "file", "path": JSON(name), "size": JSON(file.bytes.count),
        "oid": JSON(file.isLarge ? String(repeating: "0", count: 40) : digits),
      ]
      if file.isLarge {
        entry["lfs"] = [
          "oid": JSON(digits), "size": JSON(file.bytes.count), "pointerSize": 134,
        ]
      }
      return entry
    }
    return JSON(entries + [["type": "directory", "path": "onnx", "oid": "", "size": 0]])
      .serialized()
  }
}
