// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// An URL of http or https, taken apart strictly: a host is only ever what we, libcurl and the
/// server all read as one. Users and passwords in URLs are refused.
struct HubURL: Sendable, Equatable {
  enum Scheme: String, Sendable { case http, https }

  var scheme: Scheme
  /// In lower case; an IPv6 address with its brackets.
  var host: String
  var port: Int
  /// Begins with a slash, percent-encoded.
  var path: String
  /// Without the question mark; empty for none.
  var query: String

  /// Reads an absolute URL; `nil` for anything else. A fragment is left away; spaces and bytes
  /// beyond ASCII are encoded.
  init?(_ text: String) {
    guard let colon = text.firstIndex(of: ":"),
      let scheme = Scheme(rawValue: text[..<colon].lowercased()),
      text[colon...].hasPrefix("://")
    else { return nil }
    let rest = text[text.index(colon, offsetBy: 3)...]
    let end = rest.firstIndex { "/?#".contains($0) } ?? rest.endIndex
    guard let (host, port) = Self.authority(rest[..<end]) else { return nil }
    self.scheme = scheme
    self.host = host
    self.port = port ?? (scheme == .https ? 443 : 80)
    path = "/"
    query = ""
    guard setTail(rest[end...]) else { return nil }
  }

  /// Where a `Location` header leads; `nil` where it cannot be read.
  func resolving(_ location: String) -> HubURL? {
    if let colon = location.firstIndex(of: ":"),
      !location[..<colon].contains(where: { "/?#".contains($0) })
    {
      return HubURL(location)
    }
    if location.hasPrefix("//") { return HubURL("\(scheme.rawValue):\(location)") }
    var result = self
    if location.hasPrefix("/") { return result.setTail(location[...]) ? result : nil }
    if location.hasPrefix("?") { return result.setTail((path + location)[...]) ? result : nil }
    let folder = path[...(path.lastIndex(of: "/") ?? path.startIndex)]
    return result.setTail((folder + location)[...]) ? result : nil
  }

  /// The same server with a path below this one's.
  func appending(_ path: String, query: String = "") -> HubURL {
    var result = self
    result.path = (self.path == "/" ? "" : self.path) + path
    result.query = query
    return result
  }

  /// The whole URL, for libcurl.
  var text: String { origin + path + (query.isEmpty ? "" : "?" + query) }

  /// For people: without the query, which may be a signature.
  var place: String { origin + path }

  /// Two URLs with the same one are of the same server.
  var origin: String {
    let usual = scheme == .https ? 443 : 80
    return "\(scheme.rawValue)://\(host)" + (port == usual ? "" : ":\(port)")
  }

  /// Whether the host is this machine, by an address or the name that always means it.
  var isLoopback: Bool {
    if host == "localhost" || host == "[::1]" { return true }
    let parts = host.split(separator: ".", omittingEmptySubsequences: false)
    return parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
  }

  /// Whether a secret may travel there.
  var isPrivate: Bool { scheme == .https || isLoopback }

  /// Encodes all but letters, digits and `-._~`; slashes stay where `keepsSlashes` says so.
  static func encoded(_ text: String, keepsSlashes: Bool = false) -> String {
    var result = ""
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."),
        UInt8(ascii: "_"), UInt8(ascii: "~"):
        result.unicodeScalars.append(Unicode.Scalar(byte))
      case UInt8(ascii: "/") where keepsSlashes: result += "/"
      default: result += escape(byte)
      }
    }
    return result
  }

  private static func escape(_ byte: UInt8) -> String {
    let digits = String(byte, radix: 16, uppercase: true)
    return digits.count == 1 ? "%0" + digits : "%" + digits
  }

  private static func authority(_ text: Substring) -> (host: String, port: Int?)? {
    var host = text.lowercased()
    var port: Int?
    if let colon = host.lastIndex(of: ":"), !host[colon...].contains("]") {
      let digits = host[host.index(after: colon)...]
      guard !digits.isEmpty, digits.utf8.allSatisfy({ 48...57 ~= $0 }), let number = Int(digits),
        1...65535 ~= number
      else { return nil }
      port = number
      host = String(host[..<colon])
    }
    if host.hasPrefix("["), host.hasSuffix("]") {
      let address = host.dropFirst().dropLast()
      guard !address.isEmpty,
        address.utf8.allSatisfy({ 48...58 ~= $0 || 97...102 ~= $0 || $0 == UInt8(ascii: ".") })
      else { return nil }
      return (host, port)
    }
    guard !host.isEmpty, host.utf8.count <= 253,
      host.utf8.allSatisfy({ 48...57 ~= $0 || 97...122 ~= $0 || "-._".utf8.contains($0) })
    else { return nil }
    return (host, port)
  }

  /// Takes path and query; `false` for control characters and backslashes.
  private mutating func setTail(_ text: Substring) -> Bool {
    var tail = ""
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "\\"), 0x00..<0x20, 0x7F: return false
      case 0x20, 0x80...0xFF, UInt8(ascii: "\""), UInt8(ascii: "<"), UInt8(ascii: ">"):
        tail += Self.escape(byte)
      default: tail.unicodeScalars.append(Unicode.Scalar(byte))
      }
    }
    if let hash = tail.firstIndex(of: "#") { tail = String(tail[..<hash]) }
    let mark = tail.firstIndex(of: "?")
    path = String(tail[..<(mark ?? tail.endIndex)])
    query = mark.map { String(tail[tail.index(after: $0)...]) } ?? ""
    if path.isEmpty { path = "/" }
    return true
  }
}
