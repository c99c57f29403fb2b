// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// Where a tensor stands in the result of a merge.
///
/// Layers are counted in the result, whichever layers of the models they come from, and in the
/// tensor's own module: the encoder and the decoder of one model have layers from 0 each. A merge
/// that is the input of another counts its own layers.
public enum TensorPlace: Sendable, Hashable {
  /// Before the layers, as the embedding. Where the architecture is known by its tensors' names
  /// alone, all that is in no layer counts as this.
  case before
  /// In the layer `index`, from 0, of `count`.
  case layer(index: Int, of: Int)
  /// Behind the layers, as the final norm and the head.
  case after
}
