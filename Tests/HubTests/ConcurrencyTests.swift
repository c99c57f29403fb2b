// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization
import Testing

@testable import Hub

@Suite struct HubConcurrencyTests {
  private let bench: Bench
  private let hub: FakeHub
  private let weights = tinyFiles["model.safetensors"]!

  init() throws {
    bench = try Bench()
    hub = try FakeHub(tinyFiles)
  }

  private var partial: String { "\(bench.storage)/blobs/\(weights.hash.digits).incomplete" }

  private func expectWhole() {
    let snapshot = "\(bench.storage)/snapshots/\(hub.commit)"
    #expect(bench.names(snapshot) == tinyNeeded)
    for name in tinyNeeded {
      #expect(bench.bytes(snapshot + "/" + name) == tinyFiles[name]?.bytes)
    }
    #expect(bench.names(bench.storage + "/blobs").allSatisfy { !$0.contains(".") })
  }

  @Test func `several clients in one process fetch each file once`() throws {
    let failures = Mutex<[String]>([])
    let group = DispatchGroup()
    for _ in 0..<6 {
      group.enter()
      Thread.detachNewThread { [bench, hub] in
        defer { group.leave() }
        do { _ = try bench.client(hub).snapshot(.tiny) } catch {
          failures.withLock { $0.append("\(error)") }
        }
      }
    }
    group.wait()
    #expect(failures.withLock { $0 } == [])
    expectWhole()
    for name in tinyNeeded {
      #expect(hub.paths.filter { $0 == hub.resolvePath(name) }.count == 1, "\(name)")
    }
  }

  @Test func `several processes fetch each file once`() async throws {
    let (root, origin) = (bench.root, hub.server.origin)
    await withTaskGroup(of: Void.self) { tasks in
      for _ in 0..<3 {
        tasks.addTask {
          await #expect(processExitsWith: .success) {
            [root = root as String, origin = origin as String] in
            let client = try HubClient(HubSettings(cacheFolder: root + "/hub", endpoint: origin))
            _ = try client.snapshot(HubModel(id: "org/tiny"))
            exit(0)
          }
        }
      }
    }
    expectWhole()
    for name in tinyNeeded {
      #expect(hub.paths.filter { $0 == hub.resolvePath(name) }.count == 1, "\(name)")
    }
  }

  /// The server sends half of the weights and says no more, so that the kill falls in the middle.
  @Test func `killed in the middle, the next process goes on where it was`() async throws {
    hub.lie(
      hub.resolvePath("model.safetensors"),
      { _, client in
        client.head(200, ["Content-Length": "300000"])
        client.send(tinyFiles["model.safetensors"]!.bytes.prefix(280_000))
        client.waitUntilGone()
      })
    let (root, origin) = (bench.root, hub.server.origin)
    await #expect(processExitsWith: .signal(SIGKILL)) {
      [root = root as String, origin = origin as String] in
      let client = try HubClient(HubSettings(cacheFolder: root + "/hub", endpoint: origin)) {
        // Its first word about a file is after a quarter of a mebibyte.
        if case .progress(let progress) = $0, progress.file == "model.safetensors" {
          kill(getpid(), SIGKILL)
        }
      }
      _ = try client.snapshot(HubModel(id: "org/tiny"))
    }
    let kept = try #require(bench.bytes(partial))
    #expect(kept.count >= 262_144 && kept.elementsEqual(weights.bytes.prefix(kept.count)))
    #expect(bench.names(bench.storage + "/refs") == [])
    // The kernel let go of the dead one's lock: nobody waits.
    _ = try bench.client(hub).snapshot(.tiny)
    expectWhole()
    #expect(
      !bench.events.contains { if case .waiting = $0 { true } else { false } })
    let asked = hub.requests.filter { $0.path == hub.resolvePath("model.safetensors") }
    #expect(asked.map(\.rangeStart) == [nil, kept.count])
  }

  @Test func `whoever comes second waits for the lock and takes the first one's blob`() throws {
    let model = HubModel.tiny
    let cache = HubCache(folder: bench.cacheFolder)
    let lock = Mutex<HubLock?>(try HubLock.take(cache.lock(model, weights.hash)))
    #expect(try HubLock.take(cache.lock(model, weights.hash)) == nil)
    let (storage, file) = (bench.storage, weights)
    // The other finishes once we have said that we wait.
    let client = try bench.client(
      hub,
      onEvent: { event in
        guard case .waiting("model.safetensors") = event else { return }
        let blob = URL(fileURLWithPath: "\(storage)/blobs/\(file.hash.digits)")
        try? Data(file.bytes).write(to: blob)
        lock.withLock { $0 = nil }
      })
    _ = try client.snapshot(model)
    expectWhole()
    #expect(!hub.paths.contains(hub.resolvePath("model.safetensors")))
  }

  @Test func `a wish to stop ends the download and keeps what came`() throws {
    let stop = Mutex(false)
    hub.lie(
      hub.resolvePath("model.safetensors"),
      { _, client in
        client.head(200, ["Content-Length": "300000"])
        client.send(tinyFiles["model.safetensors"]!.bytes.prefix(280_000))
        client.waitUntilGone()
      })
    let client = try bench.client(
      hub, isStopped: { stop.withLock { $0 } },
      onEvent: {
        if case .progress(let progress) = $0, progress.file == "model.safetensors" {
          stop.withLock { $0 = true }
        }
      })
    #expect(hubError { try client.snapshot(.tiny) } == .interrupted)
    let kept = try #require(bench.bytes(partial))
    #expect(kept.count >= 262_144)
    _ = try bench.client(hub).snapshot(.tiny)
    expectWhole()
    #expect(
      hub.requests.last { $0.path == hub.resolvePath("model.safetensors") }?.rangeStart
        == kept.count)
  }

  @Test func `one failure stops the others, and is the one that is told`() throws {
    hub.always(hub.resolvePath("config.json")) { _, client in client.answer(410) }
    hub.always(hub.resolvePath("model.safetensors")) { _, client in
      client.head(200, ["Content-Length": "300000"])
      client.waitUntilGone()
    }
    #expect(
      hubError { try bench.client(hub).snapshot(.tiny) }
        == .status(410, place: hub.server.origin + hub.resolvePath("config.json")))
  }
}
