// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Who asks: sent to the hub's own host and to no other, and never shown.
public struct HubToken: Sendable, CustomStringConvertible, CustomDebugStringConvertible,
  CustomReflectable
{
  /// For the header of a request alone.
  let secret: String

  /// A token with white space around it taken away; `nil` where nothing is left.
  /// - Throws: ``HubError/setting(_:problem:)`` for what cannot stand in a header.
  public init?(_ text: String, from source: String) throws(HubError) {
    let text = text.trimmingCharacters(in: .whitespacesAndNewlines)
    guard !text.isEmpty else { return nil }
    guard text.utf8.allSatisfy({ 0x21...0x7E ~= $0 }), text.utf8.count <= 4096 else {
      throw .setting(source, problem: "the token has signs that no token has")
    }
    secret = text
  }

  public var description: String { "(token)" }
  public var debugDescription: String { description }
  public var customMirror: Mirror { Mirror(self, children: []) }
}

/// Where the hub and its cache are, with the names and defaults that `huggingface_hub` has.
public struct HubSettings: Sendable {
  /// The folder of `models--org--name` folders.
  public var cacheFolder: String
  /// The server, without a slash at its end.
  public var endpoint: String
  public var token: HubToken?
  /// Whether only the cache may be asked.
  public var isOffline: Bool
  /// What the program calls itself to servers.
  public var userAgent = "koine"
  /// How many files come at once.
  public var parallelCount = 4
  /// How long a connection may take to be made.
  public var connectTimeout = Duration.seconds(10)
  /// How long an answer may bring next to nothing before it is asked for anew.
  public var stallTimeout = Duration.seconds(30)
  /// How often something is asked for that fails and brings nothing in between.
  public var attemptCount = 5
  /// The longest time that a server may ask to wait.
  public var longestWait = Duration.seconds(300)

  public init(
    cacheFolder: String, endpoint: String = "https://huggingface.co", token: HubToken? = nil,
    isOffline: Bool = false
  ) {
    self.cacheFolder = cacheFolder
    self.endpoint = endpoint
    self.token = token
    self.isOffline = isOffline
  }

  /// Reads `HF_HUB_CACHE`, `HF_HOME`, `XDG_CACHE_HOME`, `HF_ENDPOINT`, `HF_TOKEN`, `HF_TOKEN_PATH`
  /// and `HF_HUB_OFFLINE`; an empty variable is as good as none.
  ///
  /// The token is `HF_TOKEN`, else what the file `HF_TOKEN_PATH` or `$HF_HOME/token` holds.
  /// - Throws: ``HubError/setting(_:problem:)``.
  public static func environment(
    _ variables: [String: String] = ProcessInfo.processInfo.environment
  ) throws(HubError) -> HubSettings {
    func value(_ name: String) -> String? { variables[name].flatMap { $0.isEmpty ? nil : $0 } }
    func path(_ name: String) -> String? { value(name).map { expanded($0, variables) } }
    let userHome = value("HOME") ?? NSHomeDirectory()
    let home =
      path("HF_HOME") ?? (path("XDG_CACHE_HOME") ?? userHome + "/.cache") + "/huggingface"
    let cache = path("HF_HUB_CACHE") ?? path("HUGGINGFACE_HUB_CACHE") ?? home + "/hub"

    var settings = HubSettings(cacheFolder: cache)
    if let endpoint = value("HF_ENDPOINT") {
      settings.endpoint = endpoint
      while settings.endpoint.hasSuffix("/") { settings.endpoint.removeLast() }
      guard let url = HubURL(settings.endpoint), url.query.isEmpty else {
        throw .setting("HF_ENDPOINT", problem: "expected an URL such as https://huggingface.co")
      }
    }
    let isTrue = { (name: String) in
      ["1", "ON", "YES", "TRUE"].contains(value(name)?.uppercased() ?? "")
    }
    settings.isOffline = isTrue("HF_HUB_OFFLINE")
    if value("HF_HUB_OFFLINE") == nil { settings.isOffline = isTrue("TRANSFORMERS_OFFLINE") }
    for name in ["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"] where settings.token == nil {
      settings.token = try HubToken(value(name) ?? "", from: name)
    }
    let file = path("HF_TOKEN_PATH") ?? home + "/token"
    if settings.token == nil, let data = FileManager.default.contents(atPath: file) {
      settings.token = try HubToken(String(decoding: data, as: UTF8.self), from: file)
    }
    return settings
  }

  /// `~` at the start, and `$NAME` and `${NAME}` of variables that are set.
  private static func expanded(_ text: String, _ variables: [String: String]) -> String {
    var result = text.replacing(/\$(?:\{(\w+)\}|(\w+))/) { match in
      variables[String(match.1 ?? match.2 ?? "")] ?? String(match.0)
    }
    if result == "~" || result.hasPrefix("~/") {
      result = (variables["HOME"] ?? NSHomeDirectory()) + result.dropFirst()
    }
    return result
  }
}

/// What the hub needs of the machine, so that tests can stand in for clock, chance and disk.
package struct HubSystem: Sendable {
  /// A clock that never goes back.
  package var now: @Sendable () -> Duration
  /// Waits; returns early where `isStopped` says so.
  package var sleep: @Sendable (_ time: Duration, _ isStopped: () -> Bool) -> Void
  /// A number from 0 to below 1, for delays.
  package var random: @Sendable () -> Double
  /// Writes some of the bytes to a file; how many, or the negative number of the error.
  package var write: @Sendable (_ file: Int32, _ bytes: UnsafeRawBufferPointer) -> Int
  /// The bytes that a disk has free for us; `nil` where it does not say.
  package var freeByteCount: @Sendable (_ folder: String) -> Int?

  /// The machine as it is.
  package static var real: HubSystem {
    let start = ContinuousClock.now
    return HubSystem(
      now: { ContinuousClock.now - start },
      sleep: { time, isStopped in
        let end = ContinuousClock.now + time
        while !isStopped() {
          let left = end - ContinuousClock.now
          guard left > .zero else { return }
          Thread.sleep(forTimeInterval: min(0.1, left / .seconds(1)))
        }
      },
      random: { Double.random(in: 0..<1) },
      write: { file, bytes in
        guard let start = bytes.baseAddress else { return 0 }
        let count = Foundation.write(file, start, bytes.count)
        return count < 0 ? -Int(errno) : count
      },
      freeByteCount: { folder in
        var status = statvfs()
        guard statvfs(folder, &status) == 0 else { return nil }
        let (bytes, overflow) = UInt64(status.f_bavail).multipliedReportingOverflow(
          by: UInt64(status.f_frsize))
        return overflow ? nil : Int(clamping: bytes)
      })
  }
}
