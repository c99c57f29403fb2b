// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization
import Testing

@testable import Hub

extension FaultTests {
  // MARK: Stalls

  @Test func `a server that falls silent is asked again`() throws {
    let isSilent = Mutex(false)
    // An hour goes by with every look at the clock, but only while the server is silent.
    var system = bench.system
    let hours = Mutex(Duration.zero)
    system.now = {
      hours.withLock { now in
        if isSilent.withLock({ $0 }) { now += .seconds(3600) }
        return now
      }
    }
    hub.lie(
      hub.resolvePath(weights),
      { _, client in
        client.head(200, ["Content-Length": "300000"])
        client.send(tinyFiles[weights]!.bytes.prefix(100_000))
        isSilent.withLock { $0 = true }
        client.waitUntilGone()
      })
    let client = try bench.client(
      hub, system: system,
      onEvent: { if case .retrying = $0 { isSilent.withLock { $0 = false } } },
      adjust: { $0.parallelCount = 1 })
    let snapshot = try client.snapshot(.tiny)
    #expect(bench.bytes(snapshot.folder + "/" + weights) == file.bytes)
    #expect(bench.retries == ["next to nothing came for 30 s"])
    // It went on from where it was, wherever that was.
    #expect(weightRequests.count == 2)
  }

  @Test func `a server that trickles is as good as silent`() throws {
    let isTrickling = Mutex(false)
    var system = bench.system
    let seconds = Mutex(Duration.zero)
    system.now = {
      seconds.withLock { now in
        if isTrickling.withLock({ $0 }) { now += .seconds(20) }
        return now
      }
    }
    hub.lie(
      revisionPath,
      { _, client in
        client.head(200, ["Content-Length": "1000"])
        isTrickling.withLock { $0 = true }
        // A byte at a time, until the client has enough of it.
        while client.send([32]) { usleep(2000) }
      })
    let client = try bench.client(
      hub, system: system,
      onEvent: { if case .retrying = $0 { isTrickling.withLock { $0 = false } } })
    _ = try client.snapshot(.tiny)
    #expect(bench.retries == ["next to nothing came for 30 s"])
  }

  @Test func `no server at all is told with the reason`() throws {
    // A port that was free a moment ago.
    let origin = try LoopbackServer { _, _ in }.origin
    let settings = try bench.settings(origin)
    let client = try HubClient(
      settings, system: bench.system, isStopped: { false }, observer: { _ in })
    let error = hubError { try client.snapshot(.tiny) }
    guard case .unreachable(origin + revisionPath, _, 5)? = error else {
      Issue.record("\(String(describing: error))")
      return
    }
  }

  // MARK: The disk

  @Test func `a full disk leaves the old state, keeps what came, and the next run goes on`() throws
  {
    let old = try bench.client(hub).snapshot(.tiny, for: .tokenizer)
    let reference = bench.bytes(bench.storage + "/refs/main")
    let room = Mutex(50_000)
    var system = bench.system
    system.write = { file, bytes in
      let count = room.withLock { room in
        let count = min(room, bytes.count)
        room -= count
        return count
      }
      return count > 0 ? write(file, bytes.baseAddress!, count) : -Int(ENOSPC)
    }
    let error = hubError {
      try bench.client(hub, system: system, adjust: { $0.parallelCount = 1 }).snapshot(.tiny)
    }
    guard case .full(let path, _)? = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(path == partial)
    let kept = try #require(bench.bytes(partial))
    #expect(kept.count > 40_000 && kept.elementsEqual(file.bytes.prefix(kept.count)))
    #expect(bench.bytes(bench.storage + "/refs/main") == reference)
    #expect(bench.bytes(old.folder + "/tokenizer.json") == tinyFiles["tokenizer.json"]?.bytes)
    try expectWhole()
    #expect(weightRequests.last?.rangeStart == kept.count)
  }

  @Test func `too little room is seen before anything is written`() throws {
    var system = bench.system
    system.freeByteCount = { _ in 1000 }
    let needed = tinyNeeded.reduce(0) { $0 + tinyFiles[$1]!.bytes.count }
    #expect(
      hubError { try bench.client(hub, system: system).snapshot(.tiny) }
        == .noRoom(folder: bench.cacheFolder, needed: needed, free: 1000))
    #expect(bench.names(bench.cacheFolder) == [])
  }

  @Test func `a file beyond the system's limit of lengths is a full disk`() async throws {
    let (root, origin) = (bench.root, hub.server.origin)
    await #expect(processExitsWith: .success) {
      [root = root as String, origin = origin as String] in
      signal(SIGXFSZ, SIG_IGN)
      var limit = rlimit(rlim_cur: 100_000, rlim_max: 100_000)
      guard setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit) == 0 else { exit(2) }
      let client = try HubClient(HubSettings(cacheFolder: root + "/hub", endpoint: origin))
      guard case .full? = hubError({ try client.snapshot(HubModel(id: "org/tiny")) }) else {
        exit(3)
      }
      exit(0)
    }
    #expect(bench.bytes(partial)?.elementsEqual(file.bytes.prefix(100_000)) == true)
    try expectWhole()
    #expect(weightRequests.last?.rangeStart == 100_000)
  }

  @Test func `a cache that may not be written is told with its path`() throws {
    try Data().write(to: URL(fileURLWithPath: bench.cacheFolder))
    guard case .system(_, let path, _)? = hubError({ try bench.client(hub).snapshot(.tiny) })
    else {
      Issue.record("taken")
      return
    }
    #expect(path.hasPrefix(bench.cacheFolder))
  }

  @Test func `a link in the place of a partial blob is not followed`() throws {
    let folder = bench.storage + "/blobs"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let victim = bench.root + "/victim"
    try Data([1, 2, 3]).write(to: URL(fileURLWithPath: victim))
    try FileManager.default.createSymbolicLink(atPath: partial, withDestinationPath: victim)
    #expect(throws: HubError.self) { try bench.client(hub).snapshot(.tiny) }
    #expect(bench.bytes(victim) == [1, 2, 3])
  }
}
