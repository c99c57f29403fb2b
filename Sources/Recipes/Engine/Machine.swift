// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Runs

/// This program's version.
public enum KoineVersion {
  /// As in the changelog.
  public static let current = "0.1.0"
}

/// What the operating system tells about the machine and this process.
package enum Machine {
  /// The environment of a run whose array engine, BLAS and device the caller knows.
  package static func environment(
    engine: String, blas: String, device: String
  ) -> RunEnvironment {
    let information = ProcessInfo.processInfo
    return RunEnvironment(
      engine: engine, blas: blas, device: device, system: information.operatingSystemVersionString,
      processor: processor(), coreCount: information.activeProcessorCount,
      memoryByteCount: Int(clamping: information.physicalMemory))
  }

  /// Whether a record was made on a machine like this one: the same processor and as many cores.
  static func isThis(_ environment: RunEnvironment) -> Bool {
    environment.processor == processor()
      && environment.coreCount == ProcessInfo.processInfo.activeProcessorCount
  }

  private static func processor() -> String {
    #if os(Linux)
      let line = text("/proc/cpuinfo").split(separator: "\n").first { $0.hasPrefix("model name") }
      let name = line?.split(separator: ":", maxSplits: 1).last.map(String.init) ?? ""
      return name.trimmingCharacters(in: .whitespaces)
    #else
      return ""
    #endif
  }

  /// The highest resident memory of this process, in bytes: since `resetPeakMemory` where the
  /// system can forget (Linux), else since it began. `nil` when unknown.
  package static func peakMemoryByteCount() -> Int? {
    var usage = rusage()
    #if canImport(Glibc)
      let status = getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
      let unit = 1024  // Linux counts kibibytes, Darwin bytes.
    #else
      let status = getrusage(RUSAGE_SELF, &usage)
      let unit = 1
    #endif
    return status == 0 ? Int(usage.ru_maxrss) * unit : nil
  }

  /// About what this program takes before it has any weights.
  static let programByteCount = 100_000_000
  /// About what it takes more while it trains: code that was not used before, the measurement of
  /// the matrix product.
  static let workingByteCount = 30_000_000

  /// The resident memory of this process, in bytes; `nil` when unknown.
  static func residentByteCount() -> Int? {
    #if os(Linux)
      // proc(5): total and resident size, in pages.
      let pages = text("/proc/self/statm").split(separator: " ").dropFirst().first
        .flatMap { Int($0) }
      return pages.map { $0 * sysconf(Int32(_SC_PAGESIZE)) }
    #else
      return nil
    #endif
  }

  /// Memory that may still be taken without swapping, in bytes: what the system says is available,
  /// within the limits of this process's control groups (version 2). `nil` when unknown.
  package static func availableMemoryByteCount() -> Int? {
    #if os(Linux)
      let kibibytes = text("/proc/meminfo").split(separator: "\n")
        .first { $0.hasPrefix("MemAvailable:") }?
        .split(separator: " ").compactMap { Int($0) }.first
      // cgroups(7): the group of version 2 has the number 0 and no controllers.
      let group = text("/proc/self/cgroup").split(separator: "\n")
        .first { $0.hasPrefix("0::") }?.dropFirst(3)
      let rest = controlGroupRest(ofGroup: String(group ?? "/"), root: "/sys/fs/cgroup")
      return [kibibytes.map { $0 * 1024 }, rest].compactMap { $0 }.min()
    #else
      return nil
    #endif
  }

  /// What the limits of a control group and of those around it leave, in bytes; `nil` without any.
  /// Pages of files count as free, for the system gives them back before it refuses any memory.
  static func controlGroupRest(ofGroup group: String, root: String) -> Int? {
    var parts = group.split(separator: "/")
    var rest: Int?
    while true {
      let folder = ([root] + parts.map(String.init)).joined(separator: "/")
      func number(_ name: String) -> Int? {
        Int(text("\(folder)/\(name)").trimmingCharacters(in: .whitespacesAndNewlines))
      }
      if let limit = number("memory.max"), let used = number("memory.current") {
        let files = text(folder + "/memory.stat").split(separator: "\n")
          .filter { $0.hasPrefix("inactive_file ") || $0.hasPrefix("active_file ") }
          .compactMap { $0.split(separator: " ").last.flatMap { Int($0) } }
        let free = max(0, limit - max(0, used - files.reduce(0, +)))
        rest = min(rest ?? free, free)
      }
      if parts.isEmpty { return rest }
      parts.removeLast()
    }
  }

  private static func text(_ path: String) -> String {
    (try? Disk.read(path)).map { String(decoding: $0, as: UTF8.self) } ?? ""
  }

  /// Makes the system forget the highest memory so far, so that each step has its own figure.
  package static func resetPeakMemory() {
    #if os(Linux)
      // proc(5): 5 resets the peak resident set size. Where it is not allowed the peak stays.
      guard let file = FileHandle(forWritingAtPath: "/proc/self/clear_refs") else { return }
      try? file.write(contentsOf: Data("5".utf8))
      try? file.close()
    #endif
  }
}
