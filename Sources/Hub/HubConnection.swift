// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import CCurl
import Foundation

/// The head of an answer.
struct HTTPHead: Sendable, Equatable {
  var status = 0
  /// Names in lower case, in the order in which they came.
  var fields: [(name: String, value: String)] = []

  /// The last value of a field; names in lower case.
  subscript(name: String) -> String? { fields.last { $0.name == name }?.value }

  /// All values of a field.
  func all(_ name: String) -> [String] { fields.filter { $0.name == name }.map(\.value) }

  static func == (left: HTTPHead, right: HTTPHead) -> Bool {
    left.status == right.status && left.fields.elementsEqual(right.fields, by: ==)
  }
}

/// One exchange that did not end with a whole answer.
struct BrokenExchange: Error {
  /// As libcurl says it, or as we do.
  var reason: String
  /// Whether asking again may help.
  var isPassing: Bool
}

/// A connection to servers, for one thread at a time.
final class HubConnection {
  private let http: OpaquePointer
  private let settings: HubSettings
  private let system: HubSystem
  private let isStopped: @Sendable () -> Bool

  /// - Throws: ``HubError/connection(place:reason:)`` where libcurl cannot begin.
  init(
    _ settings: HubSettings, _ system: HubSystem, isStopped: @escaping @Sendable () -> Bool
  ) throws(HubError) {
    guard let http = koine_http_create() else {
      throw .connection(
        place: "libcurl", reason: "the system's library is missing, or cannot be made ready")
    }
    self.http = http
    self.settings = settings
    self.system = system
    self.isStopped = isStopped
  }

  deinit { koine_http_free(http) }

  /// Asks once and follows nothing.
  ///
  /// - Parameter body: gets the answer's pieces with its head; not called where there are none.
  /// - Returns: the head of an answer that came whole, or that `body` wanted no more of by
  ///   returning `false`.
  /// - Throws: `BrokenExchange`, what `body` throws, and ``HubError/interrupted``.
  func get(
    _ url: HubURL, headers: [String],
    body: (HTTPHead, UnsafeRawBufferPointer) throws -> Bool
  ) throws -> HTTPHead {
    guard !isStopped() else { throw HubError.interrupted }
    return try withoutActuallyEscaping(body) { body in
      let exchange = Exchange(settings.stallTimeout, system, isStopped, body)
      let (result, message) = perform(url, headers, exchange)
      if let error = exchange.error { throw error }
      if result == KOINE_HTTP_DONE || exchange.hasEnough {
        guard exchange.head.status != 0 else {
          throw BrokenExchange(reason: "the answer has no status", isPassing: true)
        }
        return exchange.head
      }
      let isPassing = [
        KOINE_HTTP_UNRESOLVED, KOINE_HTTP_UNCONNECTED, KOINE_HTTP_TIMED_OUT, KOINE_HTTP_BROKEN,
      ].contains(result)
      throw BrokenExchange(reason: message, isPassing: isPassing)
    }
  }

  private func perform(
    _ url: HubURL, _ headers: [String], _ exchange: Exchange
  ) -> (koine_http_result, String) {
    let lines = headers.map { strdup($0) }
    defer { for line in lines { free(line) } }
    let isLoopback = url.isLoopback
    var message = [CChar](repeating: 0, count: 512)
    let result = url.text.withCString { url in
      settings.userAgent.withCString { agent in
        lines.map { UnsafePointer($0) }.withUnsafeBufferPointer { lines in
          // `exchange` is the caller's and lives until after the call.
          var request = koine_http_request(
            url: url, headers: lines.baseAddress, header_count: lines.count, user_agent: agent,
            connect_timeout_ms: Int(settings.connectTimeout / .milliseconds(1)),
            // A proxy would take what is meant for this machine, token included, elsewhere.
            is_direct: isLoopback ? 1 : 0,
            context: Unmanaged.passUnretained(exchange).toOpaque(),
            on_header: { Exchange.of($0).take(line: UnsafeRawBufferPointer(start: $1, count: $2)) },
            on_body: { Exchange.of($0).take(piece: UnsafeRawBufferPointer(start: $1, count: $2)) },
            on_tick: { Exchange.of($0).tick() })
          return koine_http_perform(http, &request, &message, message.count)
        }
      }
    }
    let text = String(
      decoding: message.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    return (koine_http_result(UInt32(result)), text)
  }
}

/// What the callbacks of one exchange share; they come on the thread that asked.
private final class Exchange {
  /// Fewer bytes than this in the time of a stall are as good as none.
  private static let leastByteCount = 1024
  /// All lines of a head together.
  private static let longestHead = 256 * 1024

  private(set) var head = HTTPHead()
  private(set) var error: (any Error)?
  private(set) var hasEnough = false
  private var headByteCount = 0
  private var byteCount = 0
  private var mark: (time: Duration, byteCount: Int)
  private let stallTimeout: Duration
  private let system: HubSystem
  private let isStopped: @Sendable () -> Bool
  private let body: (HTTPHead, UnsafeRawBufferPointer) throws -> Bool

  init(
    _ stallTimeout: Duration, _ system: HubSystem, _ isStopped: @escaping @Sendable () -> Bool,
    _ body: @escaping (HTTPHead, UnsafeRawBufferPointer) throws -> Bool
  ) {
    self.stallTimeout = stallTimeout
    self.system = system
    self.isStopped = isStopped
    self.body = body
    mark = (system.now(), 0)
  }

  static func of(_ context: UnsafeMutableRawPointer?) -> Exchange {
    guard let context else { preconditionFailure("the context is set above") }
    return Unmanaged<Exchange>.fromOpaque(context).takeUnretainedValue()
  }

  func take(line: UnsafeRawBufferPointer) -> Int32 {
    headByteCount += line.count
    guard headByteCount <= Self.longestHead else {
      return stop(BrokenExchange(reason: "the answer's head has no end", isPassing: false))
    }
    let text = String(decoding: line, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    if text.hasPrefix("HTTP/") {
      // The answer proper, or one before it, such as 100 Continue.
      head = HTTPHead()
      let words = text.split(separator: " ")
      head.status = words.count > 1 ? Int(words[1]) ?? 0 : 0
    } else if let colon = text.firstIndex(of: ":") {
      let value = text[text.index(after: colon)...].trimmingCharacters(in: .whitespaces)
      head.fields.append((text[..<colon].lowercased(), value))
    }
    return 0
  }

  func take(piece: UnsafeRawBufferPointer) -> Int32 {
    byteCount += piece.count
    do {
      if try body(head, piece) { return tick() }
      hasEnough = true
      return 1
    } catch {
      return stop(error)
    }
  }

  func tick() -> Int32 {
    if isStopped() { return stop(HubError.interrupted) }
    let now = system.now()
    if byteCount - mark.byteCount >= Self.leastByteCount {
      mark = (now, byteCount)
    } else if now - mark.time > stallTimeout {
      let seconds = Int((stallTimeout / .seconds(1)).rounded())
      return stop(
        BrokenExchange(reason: "next to nothing came for \(seconds) s", isPassing: true))
    }
    return 0
  }

  private func stop(_ reason: any Error) -> Int32 {
    // The first reason is the reason.
    if error == nil { error = reason }
    return 1
  }
}
