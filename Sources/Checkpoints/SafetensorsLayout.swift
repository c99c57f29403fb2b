// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Tensors

/// Where every tensor of a checkpoint goes: shard, offset, header; known before anything is computed.
struct SafetensorsLayout: Sendable {
  /// A tensor's place.
  struct Placement: Sendable {
    let name: String
    let info: TensorInfo
    /// Which shard, from 0.
    let shard: Int
    /// Byte offset in the shard's file.
    let offset: Int
  }

  struct Shard: Sendable {
    let fileName: String
    /// The length, the JSON and its padding.
    let header: [UInt8]
    let placements: [Placement]
  }

  let shards: [Shard]
  /// What the names of the files begin with.
  let stem: String
  /// The bytes of all tensors.
  let byteCount: Int
  /// The float types that occur.
  let weightTypes: Set<ElementType>

  /// Cuts `checkpoint` into shards, tensors in order of name; inside a shard wide types come first,
  /// so that every tensor is aligned to its type, then names in order.
  /// - Parameters:
  ///   - stem: what the names of the files begin with.
  ///   - metadata: of every file.
  init(
    _ checkpoint: Checkpoint, options: CheckpointWriter.Options, stem: String = "model",
    metadata: JSON = ["format": "pt"]
  ) throws(CheckpointError) {
    self.stem = stem
    var groups: [[(name: String, info: TensorInfo)]] = [[]]
    var filled = 0
    var total = 0
    var types: Set<ElementType> = []
    for name in checkpoint.names {
      guard var info = checkpoint.info(name) else { continue }
      if info.elementType.isFloatingPoint {
        if let type = options.elementType {
          guard type.isFloatingPoint else { throw .notAFloatType(type, tensor: name) }
          info = TensorInfo(elementType: type, shape: info.shape)
        }
        types.insert(info.elementType)
      }
      if filled > 0, filled + info.byteCount > options.shardByteLimit {
        groups.append([])
        filled = 0
      }
      groups[groups.count - 1].append((name, info))
      filled += info.byteCount
      total += info.byteCount
    }
    let count = groups.count
    shards = groups.enumerated().map { shard, members in
      let sorted = members.sorted {
        ($1.info.elementType.byteCount, $0.name) < ($0.info.elementType.byteCount, $1.name)
      }
      let fileName =
        count == 1
        ? "\(stem).safetensors"
        : "\(stem)-\(Self.padded(shard + 1))-of-\(Self.padded(count)).safetensors"
      return Self.shard(shard, fileName: fileName, members: sorted, metadata: metadata)
    }
    byteCount = total
    weightTypes = types
  }

  /// The index of several shards; `nil` for one.
  var index: JSON? {
    guard shards.count > 1 else { return nil }
    var map = JSONObject()
    let homes = shards.flatMap { shard in shard.placements.map { ($0.name, shard.fileName) } }
    for (name, file) in homes.sorted(by: { $0.0 < $1.0 }) { map[name] = .string(file) }
    return ["metadata": ["total_size": JSON(byteCount)], "weight_map": .object(map)]
  }

  private static func shard(
    _ number: Int, fileName: String, members: [(name: String, info: TensorInfo)], metadata: JSON
  ) -> Shard {
    var object = JSONObject()
    object["__metadata__"] = metadata
    var position = 0
    for (name, info) in members {
      object[name] = [
        "dtype": .string(info.elementType.rawValue),
        "shape": JSON(info.shape.extents.map { JSON($0) }),
        "data_offsets": [JSON(position), JSON(position + info.byteCount)],
      ]
      position += info.byteCount
    }
    var text = Array(JSON.object(object).serialized().utf8)
    // Spaces up to a multiple of eight, so that the data are aligned in the file.
    text += Array(repeating: UInt8(ascii: " "), count: (8 - text.count % 8) % 8)
    let length = UInt64(text.count)
    let header = (0..<8).map { UInt8(truncatingIfNeeded: length >> ($0 * 8)) } + text
    var offset = header.count
    let placements = members.map { name, info in
      defer { offset += info.byteCount }
      return Placement(name: name, info: info, shard: number, offset: offset)
    }
    return Shard(fileName: fileName, header: header, placements: placements)
  }

  private static func padded(_ number: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, 5 - digits.count)) + digits
  }
}
