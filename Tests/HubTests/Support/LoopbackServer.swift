// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization

/// An HTTP/1.1 server on 127.0.0.1: a thread per connection, a request per connection, and whatever
/// answer a test wants, broken ones included.
final class LoopbackServer: Sendable {
  struct Request: Sendable {
    var method = ""
    /// With the query.
    var target = ""
    /// Names in lower case.
    var fields: [String: String] = [:]

    /// Without the query, decoded.
    var path: String {
      let path = target.prefix { $0 != "?" }
      return path.removingPercentEncoding ?? String(path)
    }
    /// The first byte that is asked for.
    var rangeStart: Int? {
      fields["range"].flatMap { Int($0.dropFirst("bytes=".count).dropLast()) }
    }
  }

  /// The socket of a client, to answer on.
  struct Client: Sendable {
    let socket: Int32

    /// Sends until the client goes away.
    @discardableResult
    func send(_ bytes: some Sequence<UInt8>) -> Bool {
      var rest = Array(bytes)[...]
      while !rest.isEmpty {
        let count = rest.withUnsafeBytes {
          Foundation.send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
        }
        if count < 0, errno == EINTR { continue }
        guard count > 0 else { return false }
        rest = rest.dropFirst(count)
      }
      return true
    }

    func head(_ status: Int, _ fields: [String: String] = [:]) {
      var text = "HTTP/1.1 \(status) Some Reason\r\nConnection: close\r\n"
      for (name, value) in fields.sorted(by: { $0.key < $1.key }) {
        text += "\(name): \(value)\r\n"
      }
      send((text + "\r\n").utf8)
    }

    func answer(_ status: Int, _ fields: [String: String] = [:], _ body: [UInt8] = []) {
      var fields = fields
      fields["Content-Length"] = "\(body.count)"
      head(status, fields)
      send(body)
    }

    /// Says nothing more until the client gives up.
    func waitUntilGone() {
      while byte() != nil {}
    }

    /// The next byte that the client sends; `nil` at the end.
    func byte() -> UInt8? {
      var byte: UInt8 = 0
      while true {
        let count = recv(socket, &byte, 1, 0)
        if count < 0, errno == EINTR { continue }
        return count == 1 ? byte : nil
      }
    }

    /// Closes with a reset instead of an end.
    func reset() {
      var linger = linger(l_onoff: 1, l_linger: 0)
      setsockopt(
        socket, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout.size(ofValue: linger)))
    }
  }

  let port: Int
  private let listener: Int32
  private let log = Mutex<[Request]>([])
  private let handler: @Sendable (Request, Client) -> Void

  /// The requests so far, in the order in which they came.
  var requests: [Request] { log.withLock { $0 } }
  var origin: String { "http://127.0.0.1:\(port)" }

  init(_ handler: @escaping @Sendable (Request, Client) -> Void) throws {
    let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isReady = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { raw in
        bind(listener, raw, length) == 0 && listen(listener, 64) == 0
          && getsockname(listener, raw, &length) == 0
      }
    }
    guard listener >= 0, isReady else { throw POSIXError(.init(rawValue: errno) ?? .EIO) }
    port = Int(UInt16(bigEndian: address.sin_port))
    self.listener = listener
    self.handler = handler
    Thread.detachNewThread { [listener, weak self] in
      while true {
        let socket = accept(listener, nil, nil)
        guard socket >= 0 else {
          if errno == EINTR { continue }
          return
        }
        // Children of other tests must not keep a connection open.
        _ = fcntl(socket, F_SETFD, FD_CLOEXEC)
        guard let self else {
          close(socket)
          return
        }
        Thread.detachNewThread { self.serve(socket) }
      }
    }
  }

  /// Ends the thread that waits for clients.
  func stop() { shutdown(listener, Int32(SHUT_RDWR)) }

  deinit {
    stop()
    close(listener)
  }

  private func serve(_ socket: Int32) {
    defer { close(socket) }
    var head: [UInt8] = []
    let client = Client(socket: socket)
    while !head.suffix(4).elementsEqual([13, 10, 13, 10]) {
      guard head.count < 65536, let byte = client.byte() else { return }
      head.append(byte)
    }
    let lines = String(decoding: head, as: UTF8.self).split(separator: "\r\n")
    var request = Request()
    let words = lines[0].split(separator: " ")
    guard words.count == 3 else { return }
    (request.method, request.target) = (String(words[0]), String(words[1]))
    for line in lines.dropFirst() {
      guard let colon = line.firstIndex(of: ":") else { continue }
      request.fields[line[..<colon].lowercased()] =
        line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
    }
    log.withLock { $0.append(request) }
    handler(request, client)
    // What was sent reaches a client that is still reading.
    shutdown(socket, Int32(SHUT_WR))
  }
}
