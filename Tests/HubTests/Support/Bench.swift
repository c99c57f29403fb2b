// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization

@testable import Hub

/// Bytes that differ from each other and from those of other seeds.
func noise(_ count: Int, seed: UInt64) -> [UInt8] {
  var state = seed
  return (0..<count).map { _ in
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return UInt8(truncatingIfNeeded: state >> 56)
  }
}

extension FakeHub.File {
  init(_ text: String) { self.init(bytes: Array(text.utf8)) }
}

/// A model's files, and some that are not needed.
let tinyFiles: [String: FakeHub.File] = [
  ".gitattributes": .init("*.safetensors filter=lfs"),
  "README.md": .init("# tiny"),
  "config.json": .init(#"{"model_type":"llama"}"#),
  "generation_config.json": .init("{}"),
  "tokenizer.json": .init(bytes: noise(3000, seed: 1), isLarge: true),
  "tokenizer_config.json": .init("{ }"),
  "model.safetensors": .init(bytes: noise(300_000, seed: 2), isLarge: true),
  "pytorch_model.bin": .init(bytes: noise(200_000, seed: 3), isLarge: true),
  "onnx/model.onnx": .init(bytes: noise(1000, seed: 4), isLarge: true),
  "model.gguf": .init(bytes: noise(1000, seed: 5), isLarge: true),
]
let tinyNeeded = [
  "config.json", "generation_config.json", "model.safetensors", "tokenizer.json",
  "tokenizer_config.json",
]

/// A cache of its own, and a client that waits for nothing and writes down what it hears.
final class Bench: Sendable {
  let root: String
  let cacheFolder: String
  private let heard = Mutex<[HubEvent]>([])
  private let slept = Mutex<[Duration]>([])
  let clock = Mutex<Duration>(.zero)
  /// What a look at the clock adds to it.
  let tick = Mutex<Duration>(.zero)

  init() throws {
    root = NSTemporaryDirectory() + "koine-hub-\(UUID().uuidString)"
    cacheFolder = root + "/hub"
    try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: root) }

  var events: [HubEvent] { heard.withLock { $0 } }
  /// Delays between attempts.
  var delays: [Duration] { slept.withLock { $0.filter { $0 != .milliseconds(100) } } }
  var retries: [String] {
    events.compactMap { if case .retrying(_, let reason, _) = $0 { reason } else { nil } }
  }

  var system: HubSystem {
    var system = HubSystem.real
    system.now = { [self] in
      let step = tick.withLock { $0 }
      return clock.withLock { clock in
        clock += step
        return clock
      }
    }
    system.sleep = { [self] time, _ in
      slept.withLock { $0.append(time) }
      usleep(1000)
    }
    system.random = { 0.5 }
    return system
  }

  func settings(_ endpoint: String, token: String? = nil) throws -> HubSettings {
    HubSettings(
      cacheFolder: cacheFolder, endpoint: endpoint,
      token: try token.flatMap { try HubToken($0, from: "test") })
  }

  func client(
    _ hub: FakeHub, token: String? = nil, system: HubSystem? = nil,
    isStopped: @escaping @Sendable () -> Bool = { false },
    onEvent: @escaping HubObserver = { _ in },
    adjust: (inout HubSettings) -> Void = { _ in }
  ) throws -> HubClient {
    var settings = try settings(hub.server.origin, token: token)
    adjust(&settings)
    return try HubClient(settings, system: system ?? self.system, isStopped: isStopped) {
      [self] event in
      heard.withLock { $0.append(event) }
      onEvent(event)
    }
  }

  // MARK: What is on the disk

  var storage: String { cacheFolder + "/models--org--tiny" }

  func bytes(_ path: String) -> [UInt8]? {
    FileManager.default.contents(atPath: path).map { Array($0) }
  }

  /// Names below a folder, folders left away, sorted.
  func names(_ folder: String) -> [String] {
    guard let walker = FileManager.default.enumerator(atPath: folder) else { return [] }
    return walker.compactMap { $0 as? String }.filter {
      var isFolder: ObjCBool = false
      _ = FileManager.default.fileExists(atPath: folder + "/" + $0, isDirectory: &isFolder)
      return !isFolder.boolValue
    }.sorted()
  }
}

extension HubModel {
  static var tiny: HubModel {
    guard let model = try? HubModel(id: FakeHub.id) else { preconditionFailure("a good name") }
    return model
  }
}

/// The error of a body, as the hub's.
func hubError(_ body: () throws -> some Any) -> HubError? {
  do {
    _ = try body()
    return nil
  } catch { return error as? HubError }
}
