// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Why the system refused something that Foundation was asked to do.
///
/// Foundation's own texts may hide it ("The operation could not be completed. (NSCocoaErrorDomain
/// error 256.)"); the system's number is under them.
package enum SystemReason {
  /// The `errno` behind an error of Foundation; `nil` when there is none.
  package static func code(of error: any Error) -> Int32? {
    if let posix = error as? POSIXError { return posix.code.rawValue }
    let general = error as NSError
    if general.domain == NSPOSIXErrorDomain { return Int32(general.code) }
    // Outside of Darwin a POSIXError in the dictionary does not cast to NSError by itself.
    guard let cause = general.userInfo[NSUnderlyingErrorKey] as? any Error else { return nil }
    return code(of: cause)
  }

  /// The system's text of an error's number.
  package static func text(_ code: Int32) -> String { String(cString: strerror(code)) }

  /// The reason as a clause: "Not a directory".
  package static func text(of error: any Error) -> String {
    if let code = code(of: error) { return text(code) }
    return (error as NSError).localizedDescription.clause
  }
}
