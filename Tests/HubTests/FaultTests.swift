// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization
import Testing

@testable import Hub

/// What most of these tests damage.
let weights = "model.safetensors"
let revisionPath = "/api/models/org/tiny/revision/main"

@Suite struct FaultTests {
  let bench: Bench
  let hub: FakeHub
  let file = tinyFiles[weights]!

  init() throws {
    bench = try Bench()
    hub = try FakeHub(tinyFiles)
  }

  var partial: String { "\(bench.storage)/blobs/\(file.hash.digits).incomplete" }
  var weightRequests: [LoopbackServer.Request] {
    hub.requests.filter { $0.path == hub.resolvePath(weights) }
  }

  func expectWhole(_ sourceLocation: SourceLocation = #_sourceLocation) throws {
    let snapshot = try bench.client(hub).snapshot(.tiny)
    #expect(
      bench.bytes(snapshot.folder + "/" + weights) == file.bytes, sourceLocation: sourceLocation)
    #expect(
      bench.names(bench.storage + "/blobs").allSatisfy { !$0.hasSuffix(".incomplete") },
      sourceLocation: sourceLocation)
  }

  /// Sends the head of the whole file and its first bytes, and goes away.
  private static func dropping(after count: Int, reset: Bool = false) -> FakeHub.Answer {
    { request, client in
      let file = tinyFiles[weights]!
      let start = request.rangeStart ?? 0
      var fields = ["Content-Length": "\(file.bytes.count - start)"]
      if start > 0 {
        fields["Content-Range"] = "bytes \(start)-\(file.bytes.count - 1)/\(file.bytes.count)"
      }
      client.head(start > 0 ? 206 : 200, fields)
      client.send(file.bytes[start...].prefix(count))
      if reset { client.reset() }
    }
  }

  @Test func `a dropped connection is taken up where it broke, as often as it breaks`() throws {
    // More drops than attempts: each brings bytes, so none is a failure in a row.
    hub.lie(
      hub.resolvePath(weights), Self.dropping(after: 40_000), Self.dropping(after: 1),
      Self.dropping(after: 9_999), Self.dropping(after: 50_000), Self.dropping(after: 50_000),
      Self.dropping(after: 50_000))
    try expectWhole()
    #expect(
      weightRequests.map(\.rangeStart)
        == [nil, 40_000, 40_001, 50_000, 100_000, 150_000, 200_000])
    #expect(
      weightRequests.dropFirst().allSatisfy {
        $0.fields["if-range"] == "\"\(file.hash.digits)\""
      })
    #expect(bench.delays.allSatisfy { $0 == .seconds(0.75) })
  }

  @Test func `a reset connection is asked for again`() throws {
    hub.lie(hub.resolvePath(weights), Self.dropping(after: 0, reset: true))
    try expectWhole()
    #expect(bench.retries.count == 1)
  }

  @Test func `what an earlier run left is gone on from`() throws {
    hub.always(hub.resolvePath(weights), Self.dropping(after: 30_000))
    // Every answer brings something until the last: only silence ends it.
    let silent: FakeHub.Answer = { _, client in client.answer(503) }
    hub.always(hub.resolvePath(weights), silent)
    hub.lie(hub.resolvePath(weights), silent)
    #expect(throws: HubError.self) { try bench.client(hub).snapshot(.tiny) }
    try Data(file.bytes.prefix(123_456)).write(to: URL(fileURLWithPath: partial))
    hub.always(hub.resolvePath(weights)) { [hub] in hub.answer($0, $1) }
    try expectWhole()
    #expect(weightRequests.last?.rangeStart == 123_456)
  }

  @Test func `a damaged or too long remainder is thrown away`() throws {
    for damaged in [Array(repeating: UInt8(7), count: 1000), file.bytes + [0]] {
      let bench = try Bench()
      let folder = bench.storage + "/blobs"
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      let path = "\(folder)/\(file.hash.digits).incomplete"
      try Data(damaged).write(to: URL(fileURLWithPath: path))
      let snapshot = try bench.client(hub).snapshot(.tiny)
      #expect(bench.bytes(snapshot.folder + "/" + weights) == file.bytes)
      #expect(bench.delays == [])
    }
  }

  @Test func `parts that do not fit together are asked for in one, once`() throws {
    let wrong: FakeHub.Answer = { _, client in
      client.answer(
        206, ["Content-Range": "bytes 70000-299999/300000"], noise(230_000, seed: 98))
    }
    hub.lie(hub.resolvePath(weights), Self.dropping(after: 70_000), wrong)
    try expectWhole()
    #expect(weightRequests.map(\.rangeStart) == [nil, 70_000, nil])
    let other = try Bench()
    hub.lie(
      hub.resolvePath(weights), Self.dropping(after: 70_000), wrong, Self.dropping(after: 70_000),
      wrong)
    guard case .wrongHash? = hubError({ try other.client(hub).snapshot(.tiny) }) else {
      Issue.record("taken")
      return
    }
  }

  @Test func `a remainder that is whole needs no request`() throws {
    let folder = bench.storage + "/blobs"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try Data(file.bytes).write(to: URL(fileURLWithPath: partial))
    try expectWhole()
    #expect(weightRequests.isEmpty)
  }

  @Test func `a server that ignores ranges sends all again`() throws {
    hub.lie(
      hub.resolvePath(weights), Self.dropping(after: 70_000),
      { _, client in client.answer(200, [:], tinyFiles[weights]!.bytes) })
    try expectWhole()
    #expect(weightRequests.map(\.rangeStart) == [nil, 70_000])
  }

  @Test func `a server that sends another part, or no such part, is asked for all`() throws {
    hub.lie(
      hub.resolvePath(weights), Self.dropping(after: 70_000),
      { _, client in
        client.answer(
          206, ["Content-Range": "bytes 5-299999/300000"], Array(tinyFiles[weights]!.bytes[5...]))
      }, Self.dropping(after: 70_000), { _, client in client.answer(416) })
    try expectWhole()
    #expect(weightRequests.map(\.rangeStart) == [nil, 70_000, nil, 70_000, nil])
  }

  @Test func `chunked answers, and those that end with the connection, are read`() throws {
    hub.lie(
      hub.resolvePath(weights),
      { _, client in
        client.head(200, ["Transfer-Encoding": "chunked"])
        var rest = tinyFiles[weights]!.bytes[...]
        while !rest.isEmpty {
          let chunk = rest.prefix(7_777)
          rest = rest.dropFirst(7_777)
          client.send(Array(String(chunk.count, radix: 16).utf8) + [13, 10] + chunk + [13, 10])
        }
        client.send("0\r\n\r\n".utf8)
      })
    hub.lie(
      hub.resolvePath("config.json"),
      { _, client in
        client.head(200)
        client.send(tinyFiles["config.json"]!.bytes)
      })
    try expectWhole()
    #expect(bench.retries == [])
  }

  @Test func `an answer that ends early without a length is asked for again`() throws {
    hub.lie(
      hub.resolvePath(weights),
      { _, client in
        client.head(200)
        client.send(tinyFiles[weights]!.bytes.prefix(1000))
      })
    try expectWhole()
    #expect(bench.retries == ["the answer ended at byte 1000 of 300000"])
    #expect(weightRequests.map(\.rangeStart) == [nil, 1000])
  }

  @Test func `wrong bytes never get a name`() throws {
    let wrong = noise(300_000, seed: 99)
    hub.always(hub.resolvePath(weights)) { _, client in client.answer(200, [:], wrong) }
    let error = hubError { try bench.client(hub).snapshot(.tiny) }
    guard case .wrongHash(weights, file.hash.digits, _, _)? = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(bench.bytes(partial)?.isEmpty == true)
    #expect(bench.bytes("\(bench.storage)/blobs/\(file.hash.digits)") == nil)
    #expect(bench.names(bench.storage + "/refs") == [])
    // The next time all is well.
    hub.always(hub.resolvePath(weights)) { [hub] in hub.answer($0, $1) }
    try expectWhole()
  }

  @Test func `a small file is checked by git's hash`() throws {
    let text = Array(#"{"model_type":"llamb"}"#.utf8)
    hub.always(hub.resolvePath("config.json")) { _, client in client.answer(200, [:], text) }
    let error = hubError { try bench.client(hub).snapshot(.tiny) }
    guard case .wrongHash("config.json", _, _, _)? = error else {
      Issue.record("\(String(describing: error))")
      return
    }
  }

  @Test(arguments: [299_999, 300_001, 0]) func `another length is an error`(count: Int) throws {
    let bytes = Array((file.bytes + [1]).prefix(count))
    hub.always(hub.resolvePath(weights)) { _, client in client.answer(200, [:], bytes) }
    let error = hubError { try bench.client(hub).snapshot(.tiny) }
    guard case .wrongSize(weights, 300_000, count, _)? = error else {
      // Without a body there is nothing to see the length by.
      guard count == 0, case .unreachable? = error else {
        Issue.record("\(String(describing: error))")
        return
      }
      return
    }
  }

  @Test func `more bytes than there are, without a length, are an error`() throws {
    hub.always(hub.resolvePath(weights)) { _, client in
      client.head(200)
      client.send(tinyFiles[weights]!.bytes + [0])
      client.send(noise(200_000, seed: 7))
    }
    let error = hubError { try bench.client(hub).snapshot(.tiny) }
    guard case .wrongSize(weights, 300_000, let found, _)? = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(found > 300_000)
  }

  // MARK: Statuses

  @Test func `failures of the server are asked for again, after growing delays`() throws {
    let answers = [500, 502, 503, 504].map { status -> FakeHub.Answer in
      { _, client in client.answer(status, [:], Array("<html>sorry</html>".utf8)) }
    }
    for answer in answers { hub.lie(revisionPath, answer) }
    try expectWhole()
    #expect(bench.delays == [.seconds(0.75), .seconds(1.5), .seconds(3), .seconds(6)])
    #expect(bench.retries == ["status 500", "status 502", "status 503", "status 504"])
  }

  @Test func `a server that fails on is given up`() throws {
    hub.always(revisionPath) { _, client in client.answer(500) }
    #expect(
      hubError { try bench.client(hub).snapshot(.tiny) }
        == .unreachable(place: hub.server.origin + revisionPath, reason: "status 500", attempts: 5))
    #expect(hub.requests.count == 5)
  }

  @Test func `too many requests wait as long as the server says`() throws {
    hub.lie(
      revisionPath, { _, client in client.answer(429, ["Retry-After": "17"]) },
      { _, client in client.answer(503, ["Retry-After": "0"]) },
      { _, client in client.answer(429, ["Retry-After": "soon"]) })
    try expectWhole()
    #expect(bench.delays == [.seconds(17), .seconds(1.5), .seconds(3)])
    hub.always(revisionPath) { _, client in client.answer(429, ["Retry-After": "3601"]) }
    #expect(
      hubError { try Bench().client(hub).snapshot(.tiny) }
        == .tooManyRequests(place: hub.server.origin + revisionPath, seconds: 3601))
  }

  @Test func `Retry-After may be a date`() {
    let now = Date(timeIntervalSince1970: 1_445_412_420)
    #expect(
      HubSession.waitingTime("Wed, 21 Oct 2015 07:28:00 GMT", now: now) == .seconds(60))
    #expect(HubSession.waitingTime("Wed, 21 Oct 2015 07:20:00 GMT", now: now) == .zero)
    #expect(HubSession.waitingTime("-1") == nil)
    #expect(HubSession.waitingTime("nan") == nil)
  }

  @Test func `refusals say how to get access`() throws {
    let page = hub.server.origin + "/org/tiny"
    func error(_ status: Int, _ code: String, token: String?) throws -> HubError? {
      hub.always(revisionPath) { _, client in client.answer(status, ["X-Error-Code": code]) }
      return hubError { try bench.client(hub, token: token).snapshot(.tiny) }
    }
    #expect(
      try error(401, "RepoNotFound", token: nil) == .unauthorized(.tiny, token: .none, page: page))
    #expect(
      try error(401, "", token: "hf_x") == .unauthorized(.tiny, token: .sent, page: page))
    let gated = try error(403, "GatedRepo", token: "hf_x")
    #expect(gated == .forbidden(.tiny, token: .sent, isGated: true, page: page))
    #expect(gated?.description.contains("Ask for access on \(page)") == true)
    let unknown = try error(401, "GatedRepo", token: nil)
    #expect(unknown == .forbidden(.tiny, token: .none, isGated: true, page: page))
    #expect(unknown?.description.contains("set it as `HF_TOKEN`") == true)
    #expect(unknown?.description.contains("\(hub.server.origin)/settings/tokens") == true)
    #expect(
      try error(403, "", token: nil) == .forbidden(.tiny, token: .none, isGated: false, page: page))
    #expect(try error(404, "RepoNotFound", token: nil) == .noModel(.tiny, token: .none, page: page))
    #expect(try error(418, "", token: nil) == .status(418, place: hub.server.origin + revisionPath))
    #expect(bench.delays == [])
  }

  @Test func `a revision and a file that are not there are told apart`() throws {
    let other = try HubModel(id: FakeHub.id, revision: "v9")
    #expect(
      hubError { try bench.client(hub).snapshot(other) }
        == .noRevision(other, page: hub.server.origin + "/org/tiny"))
    hub.always(hub.resolvePath("config.json")) { _, client in client.answer(404) }
    #expect(
      hubError { try bench.client(hub).snapshot(.tiny) } == .noFile("config.json", of: .tiny))
  }

  @Test func `an answer that is no hub's, or without end, is refused`() throws {
    hub.always(revisionPath) { _, client in client.answer(200, [:], Array("<html>".utf8)) }
    guard case .answer? = hubError({ try bench.client(hub).snapshot(.tiny) }) else {
      Issue.record("taken")
      return
    }
    hub.always(revisionPath) { [hub] in hub.answer($0, $1) }
    // A list whose next page is itself, and one that goes on elsewhere.
    let tree = "/api/models/org/tiny/tree/\(hub.commit)"
    for link in [tree, "http://localhost:\(hub.server.port)\(tree)?x"] {
      hub.always(tree) { _, client in
        client.answer(200, ["Link": "<\(link)>; rel=\"next\""], Array("[]".utf8))
      }
      guard case .answer? = hubError({ try bench.client(hub).snapshot(.tiny) }) else {
        Issue.record("taken")
        return
      }
    }
    #expect(hub.requests.count < 10)
  }
}
