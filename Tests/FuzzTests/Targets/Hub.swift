// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Hub

extension FuzzTarget {
  static let hub = [
    FuzzTarget(name: "hub", usualCount: 2_000, parts: ["tree.json", "revision.json", "index.json"])
    {
      seed in
      let model = try HubModel(id: "org/name")
      return (
        FuzzMutator(
          seeds: hubSeeds.map { $0.map { Array($0.utf8) } }, tokens: jsonTokens + hubTokens,
          seed: seed), { try readHub($0, model) }
      )
    }
  ]

  private static let hubTokens = [
    "\"path\":", "\"../\"", "/etc/passwd", "..", "\\u0000", "\\u202e", "\\\\", "\"type\":\"file\"",
    "\"oid\":", "\"lfs\":", "\"size\":-1", "\"size\":1e30", "9223372036854775808", "\"sha\":",
    "\"weight_map\":", String(repeating: "a", count: 40), String(repeating: "0", count: 64),
  ]

  /// A page of a listing, what a revision stands for, and an index of weights.
  private static let hubSeeds = [
    [
      #"[{"type":"file","path":"config.json","size":12,"oid":"\#(String(repeating: "a", count: 40))"},"#
        + #"{"type":"directory","path":"onnx","size":0,"oid":""},"#
        + #"{"type":"file","path":"onnx/model.safetensors","size":99,"oid":"","#
        + #""lfs":{"oid":"\#(String(repeating: "0", count: 64))","size":99,"pointerSize":134}}]"#,
      #"{"id":"org/name","sha":"\#(String(repeating: "b", count: 40))","siblings":[]}"#,
      #"{"metadata":{"total_size":4},"weight_map":{"a":"model-1.safetensors","b":"x/y.safetensors"}}"#,
    ],
    ["[]", #"{"sha":null}"#, #"{"weight_map":{}}"#],
  ]

  /// Reads all three; every name and hash that comes through must stay where it is put.
  private static func readHub(_ input: FuzzInput, _ model: HubModel) throws {
    var failure: HubError?
    var names: [String] = []
    var isSound = true
    do throws(HubError) {
      for file in try HubListing.files(input[0], of: model, place: "tree") {
        names.append(file.path)
        let digits = file.hash.digits
        isSound =
          isSound && file.byteCount >= 0 && [40, 64].contains(digits.count)
          && digits.allSatisfy { $0.isHexDigit && !$0.isUppercase }
      }
    } catch { failure = error }
    do throws(HubError) {
      let commit = try HubListing.commit(input[1], place: "revision")
      isSound = isSound && commit.count == 40 && commit.allSatisfy(\.isHexDigit)
    } catch { failure = error }
    do throws(HubError) {
      names += try HubListing.shards(input[2], index: "index.json", of: model)
    } catch { failure = error }
    guard isSound else { throw FuzzViolation("a hash or a length that should be refused") }
    for name in names {
      let parts = name.split(separator: "/", omittingEmptySubsequences: false)
      guard !name.contains("\0"), !parts.contains(where: { ["", ".", ".."].contains($0) }) else {
        throw FuzzViolation("a name that leads elsewhere: \(name)")
      }
    }
    if let failure { throw failure }
  }
}
