// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Foundation

/// Asks a hub: follows redirects, sends the token where it belongs, waits and asks again.
struct HubSession {
  /// What is asked for, which decides what a 404 means.
  enum Subject {
    case model
    case file(String)
  }

  let settings: HubSettings
  let system: HubSystem
  let model: HubModel
  let endpoint: HubURL
  let connection: HubConnection
  let isStopped: @Sendable () -> Bool
  /// Hears why something is asked for again, and after what time.
  let onRetry: @Sendable (_ place: String, _ reason: String, _ delay: Duration) -> Void

  private static let longestChain = 10
  /// The first delay, and the longest.
  private static let delays = (first: Duration.seconds(1), longest: Duration.seconds(30))

  /// A delay that grows twofold with every failure, of which chance takes up to half.
  private func delay(failures: Int) -> Duration {
    let full = min(Self.delays.first * (1 << min(failures - 1, 10)), Self.delays.longest)
    return full * (0.5 + 0.5 * system.random())
  }

  /// What one attempt came to, if not to an end.
  struct Retry: Error {
    var reason: String
    /// How long the server asks to wait.
    var after: Duration?
    /// Whether more is there than before, which makes it no failure in a row.
    var hasProgress = false
    /// Begin anew at once, which is not the server's fault.
    var isImmediate = false
  }

  /// Attempts until one gets through, waiting in between.
  func retrying<R>(_ place: String, _ attempt: () throws -> R) throws -> R {
    var failures = 0
    while true {
      let retry: Retry
      do { return try attempt() } catch let error as Retry { retry = error }
      if retry.isImmediate { continue }
      failures = retry.hasProgress ? 1 : failures + 1
      guard failures < settings.attemptCount else {
        throw HubError.unreachable(place: place, reason: retry.reason, attempts: failures)
      }
      var wait = delay(failures: failures)
      if let after = retry.after {
        guard after <= settings.longestWait else {
          throw HubError.tooManyRequests(
            place: place, seconds: Int(min(after / .seconds(1), 1e9).rounded(.up)))
        }
        wait = max(wait, after)
      }
      onRetry(place, retry.reason, wait)
      system.sleep(wait, isStopped)
      if isStopped() { throw HubError.interrupted }
    }
  }

  /// Asks once for an URL, following redirects.
  ///
  /// - Parameters:
  ///   - isValidator: whether a header such as `If-Range` is for the hub's own host alone.
  ///   - onRedirect: sees the head of every redirect.
  ///   - body: the pieces of an answer with one of the statuses in `accepted`.
  /// - Returns: the head of such an answer.
  /// - Throws: `Retry` where asking again may help, else ``HubError``.
  func get(
    _ start: HubURL, subject: Subject, headers: [String] = [], hubHeaders: [String] = [],
    accepted: Set<Int> = [200], onRedirect: (HTTPHead) throws -> Void = { _ in },
    body: (HTTPHead, UnsafeRawBufferPointer) throws -> Bool
  ) throws -> HTTPHead {
    var url = start
    for _ in 0...Self.longestChain {
      let isHub = url.origin == endpoint.origin
      var lines = ["Accept-Encoding: identity"] + headers
      if isHub {
        lines += hubHeaders
        if let token = settings.token, url.isPrivate {
          lines.append("Authorization: Bearer \(token.secret)")
        }
      }
      var refusedByteCount = 0
      let head: HTTPHead
      do {
        head = try connection.get(url, headers: lines) { head, piece in
          if accepted.contains(head.status) { return try body(head, piece) }
          // A page about an error may be read to its end, to use the connection again.
          refusedByteCount += piece.count
          return refusedByteCount <= 65536
        }
      } catch let error as BrokenExchange {
        guard error.isPassing else {
          throw HubError.connection(place: url.place, reason: error.reason)
        }
        throw Retry(reason: error.reason)
      }
      if accepted.contains(head.status) { return head }
      guard [301, 302, 303, 307, 308].contains(head.status), let location = head["location"] else {
        throw failure(head, url, isHub: isHub, subject)
      }
      try onRedirect(head)
      guard let next = url.resolving(location) else {
        throw HubError.redirect("no URL of http or https that can be read", place: url.place)
      }
      let staysSafe =
        url.scheme == .https
        ? next.scheme == .https : next.isPrivate || !url.isPrivate
      guard staysSafe else {
        throw HubError.redirect("from https to plain http, \(next.origin)", place: url.place)
      }
      url = next
    }
    throw HubError.redirect("more than \(Self.longestChain) redirects", place: start.place)
  }

  /// What a status means that is neither wanted nor a redirect.
  private func failure(
    _ head: HTTPHead, _ url: HubURL, isHub: Bool, _ subject: Subject
  ) -> any Error {
    let page = endpoint.appending("/" + model.id).place
    let code = head["x-error-code"] ?? ""
    switch head.status {
    case 408, 425, 429, 500, 502, 503, 504, 520...529:
      return Retry(
        reason: "status \(head.status)", after: head["retry-after"].flatMap(Self.waitingTime))
    case 401 where isHub && code == "RevisionNotFound":
      return HubError.noRevision(model, page: page)
    case 401 where isHub && code == "GatedRepo", 403 where isHub:
      return HubError.forbidden(model, token: tokenUse, isGated: code == "GatedRepo", page: page)
    case 401 where isHub: return HubError.unauthorized(model, token: tokenUse, page: page)
    case 403 where !isHub:
      // A signature that grew old; the hub gives a new one.
      return Retry(reason: "status 403 of \(url.origin)")
    case 404:
      switch (code, subject) {
      case ("RevisionNotFound", _): return HubError.noRevision(model, page: page)
      case (_, .file(let name)) where code != "RepoNotFound":
        return HubError.noFile(name, of: model)
      default: return HubError.noModel(model, token: tokenUse, page: page)
      }
    default: return HubError.status(head.status, place: url.place)
    }
  }

  private var tokenUse: HubError.TokenUse {
    guard settings.token != nil else { return .none }
    return endpoint.isPrivate ? .sent : .withheld
  }

  /// `Retry-After`: seconds, or a date after which to come again.
  static func waitingTime(_ text: String) -> Duration? { waitingTime(text, now: Date()) }

  static func waitingTime(_ text: String, now: Date) -> Duration? {
    if let seconds = Double(text), seconds.isFinite, seconds >= 0 {
      return .seconds(min(seconds, 1e9))
    }
    let format = DateFormatter()
    format.locale = Locale(identifier: "en_US_POSIX")
    format.timeZone = TimeZone(identifier: "GMT")
    format.dateFormat = "EEE, dd MMM yyyy HH:mm:ss zzz"
    guard let date = format.date(from: text) else { return nil }
    return .seconds(max(0, date.timeIntervalSince(now)))
  }

  /// A whole answer in memory.
  ///
  /// - Parameter limit: more bytes are an error.
  func document(
    _ url: HubURL, subject: Subject, limit: Int
  ) throws -> (head: HTTPHead, bytes: [UInt8]) {
    try retrying(url.place) {
      var bytes: [UInt8] = []
      let head = try get(url, subject: subject) { _, piece in
        guard bytes.count + piece.count <= limit else {
          throw HubError.answer("it is longer than \(limit) bytes", place: url.place)
        }
        bytes += piece
        return true
      }
      return (head, bytes)
    }
  }
}
