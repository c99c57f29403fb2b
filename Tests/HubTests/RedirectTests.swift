// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import Hub

/// Where the token goes, and where it does not.
@Suite struct RedirectTests {
  private let bench: Bench
  private let hub: FakeHub
  private let file = tinyFiles["model.safetensors"]!
  private let secret = "hf_secretSECRET"

  init() throws {
    bench = try Bench()
    hub = try FakeHub(tinyFiles, token: secret)
  }

  private func lead(to location: String, _ fields: [String: String] = [:]) {
    hub.always(hub.resolvePath("model.safetensors")) { _, client in
      client.answer(302, fields.merging(["Location": location]) { first, _ in first })
    }
  }

  @Test func `a redirect to another host goes without the token`() throws {
    let weights = file
    let other = try LoopbackServer { request, client in
      FakeHub.send(weights, request, client)
    }
    // Another port of this machine is another server.
    lead(
      to: other.origin + "/blob?signature=s3cret",
      ["X-Linked-Etag": "\"\(file.hash.digits)\"", "X-Linked-Size": "300000"])
    let snapshot = try bench.client(hub, token: secret).snapshot(.tiny)
    #expect(bench.bytes(snapshot.folder + "/model.safetensors") == file.bytes)
    #expect(other.requests.count == 1)
    #expect(other.requests[0].target == "/blob?signature=s3cret")
    for request in other.requests {
      #expect(!request.fields.values.contains { $0.contains(secret) })
      #expect(request.fields["authorization"] == nil)
    }
    #expect(hub.requests.allSatisfy { $0.fields["authorization"] == "Bearer \(secret)" })
    other.stop()
  }

  @Test func `going on at another host sends the range, and the hub's tag to the hub alone`() throws
  {
    let weights = file
    let other = try LoopbackServer { request, client in
      if request.rangeStart == nil {
        client.head(200, ["Content-Length": "300000"])
        client.send(weights.bytes.prefix(60_000))
      } else {
        FakeHub.send(weights, request, client)
      }
    }
    lead(to: other.origin + "/blob")
    _ = try bench.client(hub, token: secret).snapshot(.tiny)
    #expect(other.requests.map(\.rangeStart) == [nil, 60_000])
    #expect(other.requests.allSatisfy { $0.fields["if-range"] == nil })
    let asked = hub.requests.filter { $0.path == hub.resolvePath("model.safetensors") }
    #expect(asked.last?.fields["if-range"] == "\"\(file.hash.digits)\"")
    other.stop()
  }

  @Test func `a relative redirect goes with the token`() throws {
    hub.always("/moved/config.json") { [secret] request, client in
      guard request.fields["authorization"] == "Bearer \(secret)" else { return client.answer(401) }
      client.answer(200, [:], tinyFiles["config.json"]!.bytes)
    }
    hub.always(hub.resolvePath("config.json")) { _, client in
      client.answer(307, ["Location": "/moved/config.json"])
    }
    let snapshot = try bench.client(hub, token: secret).snapshot(.tiny)
    #expect(bench.bytes(snapshot.folder + "/config.json") == tinyFiles["config.json"]?.bytes)
  }

  @Test func `a renamed model is followed through the API`() throws {
    hub.always("/api/models/old/name/revision/main") { _, client in
      client.answer(307, ["Location": "/api/models/org/tiny/revision/main"])
    }
    let commit = hub.commit
    hub.always("/api/models/old/name/tree/\(commit)") { _, client in
      client.answer(307, ["Location": "/api/models/org/tiny/tree/\(commit)?recursive=true"])
    }
    let plan = try bench.client(hub, token: secret).plan(HubModel(id: "old/name"))
    #expect(plan.files.map(\.path) == tinyNeeded)
  }

  @Test func `a tag or length that is not the listing's is refused before any byte`() throws {
    lead(
      to: hub.server.origin + "/x", ["X-Linked-Etag": "W/\"\(String(repeating: "a", count: 64))\""])
    guard case .wrongHash? = hubError({ try bench.client(hub, token: secret).snapshot(.tiny) })
    else {
      Issue.record("taken")
      return
    }
    lead(to: hub.server.origin + "/x", ["X-Linked-Size": "1"])
    guard case .wrongSize? = hubError({ try bench.client(hub, token: secret).snapshot(.tiny) })
    else {
      Issue.record("taken")
      return
    }
    #expect(!hub.paths.contains("/x"))
  }

  @Test(arguments: [
    "file:///etc/passwd", "ftp://127.0.0.1/x", "http://user:pw@127.0.0.1/", "http://hub.example/x",
    "gopher://127.0.0.1", "http://127.0.0.1\\@evil/",
  ])
  func `redirects to files, other protocols, users and open http are refused`(location: String)
    throws
  {
    lead(to: location)
    guard case .redirect? = hubError({ try bench.client(hub, token: secret).snapshot(.tiny) })
    else {
      Issue.record("taken")
      return
    }
  }

  @Test func `a proxy of the environment is not asked for this machine`() async throws {
    let (root, origin, token) = (bench.root, hub.server.origin, secret)
    let proxy = try LoopbackServer { _, client in client.answer(502) }
    let place = proxy.origin
    await #expect(processExitsWith: .success) {
      [
        root = root as String, origin = origin as String, token = token as String,
        place = place as String
      ] in
      for name in ["http_proxy", "all_proxy", "ALL_PROXY"] { setenv(name, place, 1) }
      let settings = HubSettings(
        cacheFolder: root + "/hub", endpoint: origin, token: try HubToken(token, from: "test"))
      _ = try HubClient(settings).snapshot(HubModel(id: "org/tiny"))
      exit(0)
    }
    #expect(proxy.requests.isEmpty)
    #expect(bench.names(bench.storage + "/refs") == ["main"])
    proxy.stop()
  }

  @Test func `a proxy of the environment is asked for other machines, without the token`()
    async throws
  {
    let (root, token) = (bench.root, secret)
    let commit = hub.commit
    let proxy = try LoopbackServer { _, client in
      client.answer(200, [:], Array(#"{"sha":"\#(commit)"}"#.utf8))
    }
    let place = proxy.origin
    await #expect(processExitsWith: .success) {
      [root = root as String, token = token as String, place = place as String] in
      setenv("http_proxy", place, 1)
      let settings = HubSettings(
        cacheFolder: root + "/hub", endpoint: "http://hub.example",
        token: try HubToken(token, from: "test"))
      guard case .answer? = hubError({ try HubClient(settings).snapshot(HubModel(id: "org/tiny")) })
      else { exit(2) }
      exit(0)
    }
    // The second answer is no listing.
    #expect(proxy.requests.count == 2)
    #expect(proxy.requests.allSatisfy { $0.target.hasPrefix("http://hub.example/api/") })
    #expect(proxy.requests.allSatisfy { $0.fields["authorization"] == nil })
    proxy.stop()
  }

  @Test func `redirects without end are given up`() throws {
    let path = hub.resolvePath("model.safetensors")
    lead(to: path)
    guard case .redirect? = hubError({ try bench.client(hub, token: secret).snapshot(.tiny) })
    else {
      Issue.record("taken")
      return
    }
    #expect(hub.paths.filter { $0 == path }.count == 11)
  }

  @Test func `a signature that grew old is renewed by the hub`() throws {
    let weights = file
    let other = try LoopbackServer { request, client in
      if request.target == "/old" { return client.answer(403) }
      FakeHub.send(weights, request, client)
    }
    let origin = other.origin
    hub.lie(
      hub.resolvePath("model.safetensors"),
      { _, client in client.answer(302, ["Location": origin + "/old"]) },
      { _, client in client.answer(302, ["Location": origin + "/new"]) })
    _ = try bench.client(hub, token: secret).snapshot(.tiny)
    #expect(other.requests.map(\.target) == ["/old", "/new"])
    other.stop()
  }

  @Test func `no message and no event holds the token or a signature`() throws {
    lead(to: "http://127.0.0.1:1/blob?X-Amz-Signature=s3cret")
    let error = hubError { try bench.client(hub, token: secret).snapshot(.tiny) }
    let texts = [error?.description ?? ""] + bench.events.map { "\($0)" }
    #expect(texts.count > 2)
    for text in texts {
      #expect(!text.contains(secret) && !text.contains("s3cret"))
    }
  }
}
