// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import CMLX

  extension KeyValueCache {
    /// One layer's part of a cache: memory that fused kernels write in place, or arrays that plain
    /// graphs make anew with every step.
    package final class Layer {
      private enum Content {
        case empty
        case memory(KeyValueMemory, turn: DeviceArray)
        case arrays(keys: DeviceArray, values: DeviceArray)
      }

      private var content = Content.empty
      /// S
      private(set) var length = 0

      /// Appends k and v (B, L, G, K); what q (B, L, H, K) sees of all so far: (B, L, H, K).
      ///
      /// - Parameter starts: the column at which each row's text begins; `nil` where all begin at 0.
      ///   Results in the padding are unspecified but finite.
      func attend(
        _ q: DeviceArray, _ k: DeviceArray, _ v: DeviceArray, starts: [Int]?, rule: AttentionRule,
        kernels: Kernels
      ) throws -> DeviceArray {
        switch (kernels, content) {
        case (.fused, .empty):
          let shape = k.shape
          return try attend(
            q, k, v, KeyValueMemory(texts: shape[0], groups: shape[2], size: shape[3]), turn: nil,
            starts, rule)
        case (.fused, .memory(let memory, let turn)):
          return try attend(q, k, v, memory, turn: turn, starts, rule)
        default:
          let (keys, values) = try append(k, v)
          return try kernels.cachedAttention(q, keys, values, starts: starts, rule: rule)
        }
      }

      private func attend(
        _ q: DeviceArray, _ k: DeviceArray, _ v: DeviceArray, _ memory: KeyValueMemory,
        turn: DeviceArray?, _ starts: [Int]?, _ rule: AttentionRule
      ) throws -> DeviceArray {
        let begins = starts?.map { Int32($0) }
        let count = q.shape[1]
        var results: [cmlx_array?] = [nil, nil]
        let status = begins.withOptionalPointer { begins in
          cmlx_fused_cached_attention(
            &results, q.handle, k.handle, v.handle, memory.handle, Int32(length), begins,
            rule.scale, Int32(clamping: rule.window ?? 0), rule.softcap ?? 0, turn?.handle)
        }
        guard status == 0, let output = results[0], let next = results[1] else {
          throw ModelError.engine(
            operation: "fused cached attention", message: String(cString: cmlx_last_error()))
        }
        content = .memory(memory, turn: DeviceArray(owning: next))
        length += count
        return DeviceArray(owning: output)
      }

      private func append(
        _ k: DeviceArray, _ v: DeviceArray
      ) throws -> (DeviceArray, DeviceArray) {
        var (keys, values) = (k, v)
        if case .arrays(let oldKeys, let oldValues) = content {
          keys = try concatenate([oldKeys, k], axis: 1)
          values = try concatenate([oldValues, v], axis: 1)
        }
        content = .arrays(keys: keys, values: values)
        length += k.shape[1]
        return (keys, values)
      }

      /// The memory that kernels write in place; `nil` before the first call, or with arrays.
      fileprivate var memory: KeyValueMemory? {
        if case .memory(let memory, _) = content { memory } else { nil }
      }

      /// Counts a column that a decoding step has written.
      fileprivate func advance() { length += 1 }

      /// Keeps the rows of these indices, in this order.
      func keep(_ rows: [Int]) throws {
        switch content {
        case .empty: break
        case .memory(let memory, let turn):
          try evaluate([turn])
          content = .memory(try memory.copy(rows: rows, columns: length), turn: turn)
        case .arrays(let keys, let values):
          let indices = try DeviceArray(rows.map { Int32($0) }, shape: [rows.count])
          content = .arrays(
            keys: try take(keys, indices, axis: 0), values: try take(values, indices, axis: 0))
        }
      }

      var arrays: [DeviceArray] {
        switch content {
        case .empty: []
        case .memory(_, let turn): [turn]
        case .arrays(let keys, let values): [keys, values]
        }
      }
    }
  }

  extension KeyValueCache {
    /// The memory of all layers; `nil` if any has none.
    var memories: [cmlx_key_values]? {
      let all = layers.compactMap { $0.memory?.handle }
      return all.count == layers.count ? all : nil
    }

    /// Counts a column that a decoding step has written to all layers.
    func advance() {
      for layer in layers { layer.advance() }
    }
  }

  /// The keys and values of a layer in memory that grows by doubling; made and used on the engine's
  /// thread only.
  private final class KeyValueMemory {
    let handle: cmlx_key_values

    /// Empty; (B, S, G, K) with S growing.
    init(texts: Int, groups: Int, size: Int) throws {
      var handle: cmlx_key_values?
      guard cmlx_key_values_make(&handle, Int32(texts), Int32(groups), Int32(size)) == 0,
        let handle
      else {
        throw ModelError.engine(operation: "cache", message: String(cString: cmlx_last_error()))
      }
      self.handle = handle
    }

    private init(owning handle: cmlx_key_values) { self.handle = handle }

    deinit { cmlx_key_values_free(handle) }

    /// A copy of the first `columns` columns of these rows, when all steps are evaluated.
    func copy(rows: [Int], columns: Int) throws -> KeyValueMemory {
      var copy: cmlx_key_values?
      let indices = rows.map { Int32($0) }
      guard
        cmlx_key_values_copy(&copy, handle, indices, Int32(indices.count), Int32(columns)) == 0,
        let copy
      else {
        throw ModelError.engine(operation: "cache", message: String(cString: cmlx_last_error()))
      }
      return KeyValueMemory(owning: copy)
    }
  }

  extension [Int32]? {
    /// Lends the numbers, or null.
    func withOptionalPointer<Result>(
      _ body: (UnsafePointer<Int32>?) throws -> Result
    ) rethrows -> Result {
      guard let self else { return try body(nil) }
      return try self.withUnsafeBufferPointer { try body($0.baseAddress) }
    }
  }
#endif
