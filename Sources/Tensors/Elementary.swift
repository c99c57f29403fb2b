// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The C library's elementary functions, so that rooms above need not import it.
public enum Elementary {
  /// eˣ.
  public static func exp(_ x: Double) -> Double { libmExp(x) }
  /// The natural logarithm.
  public static func log(_ x: Double) -> Double { libmLog(x) }
  /// The cosine of an angle in radians.
  public static func cos(_ x: Double) -> Double { libmCos(x) }
  /// The sine of an angle in radians.
  public static func sin(_ x: Double) -> Double { libmSin(x) }
  /// The angle in [0, π] whose cosine is `x`; NaN outside [−1, 1].
  public static func acos(_ x: Double) -> Double { libmAcos(x) }
}

private func libmExp(_ x: Double) -> Double { exp(x) }
private func libmLog(_ x: Double) -> Double { log(x) }
private func libmCos(_ x: Double) -> Double { cos(x) }
private func libmSin(_ x: Double) -> Double { sin(x) }
private func libmAcos(_ x: Double) -> Double { acos(x) }
