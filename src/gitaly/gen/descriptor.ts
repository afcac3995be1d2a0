// Written by `deno task gen` from proto/*.proto. Do not edit.
/**
 * Everything of `proto/` in the form that `fromJSON` of @grpc/proto-loader
 * takes. For servers of tests and of the development stack; no program that
 * ships reads it.
 * @module
 */

/** Namespaces, messages and services, fields in lowerCamelCase. */
export const GITALY_DESCRIPTOR = {
  "nested": {
    "gitaly": {
      "nested": {
        "LimitError": {
          "fields": {
            "errorMessage": {
              "type": "string",
              "id": 1,
            },
            "retryAfter": {
              "type": "google.protobuf.Duration",
              "id": 2,
            },
          },
        },
        "AccessCheckError": {
          "fields": {
            "errorMessage": {
              "type": "string",
              "id": 1,
            },
            "protocol": {
              "type": "string",
              "id": 2,
            },
            "userId": {
              "type": "string",
              "id": 3,
            },
            "changes": {
              "type": "bytes",
              "id": 4,
            },
          },
        },
        "CustomHookError": {
          "fields": {
            "stdout": {
              "type": "bytes",
              "id": 1,
            },
            "stderr": {
              "type": "bytes",
              "id": 2,
            },
            "hookType": {
              "type": "HookType",
              "id": 3,
            },
          },
          "nested": {
            "HookType": {
              "values": {
                "HOOK_TYPE_UNSPECIFIED": 0,
                "HOOK_TYPE_PRERECEIVE": 1,
                "HOOK_TYPE_UPDATE": 2,
                "HOOK_TYPE_POSTRECEIVE": 3,
              },
            },
          },
        },
        "ReferenceUpdateError": {
          "fields": {
            "referenceName": {
              "type": "bytes",
              "id": 1,
            },
            "oldOid": {
              "type": "string",
              "id": 2,
            },
            "newOid": {
              "type": "string",
              "id": 3,
            },
          },
        },
        "ReferencesLockedError": {
          "fields": {
            "refs": {
              "rule": "repeated",
              "type": "bytes",
              "id": 1,
            },
          },
        },
        "ReferenceExistsError": {
          "fields": {
            "referenceName": {
              "type": "bytes",
              "id": 1,
            },
            "oid": {
              "type": "string",
              "id": 2,
            },
          },
        },
        "ReferenceNotFoundError": {
          "fields": {
            "referenceName": {
              "type": "bytes",
              "id": 1,
            },
          },
        },
        "ReferenceStateMismatchError": {
          "fields": {
            "referenceName": {
              "type": "bytes",
              "id": 1,
            },
            "expectedObjectId": {
              "type": "bytes",
              "id": 2,
            },
            "actualObjectId": {
              "type": "bytes",
              "id": 3,
            },
          },
        },
        "InvalidRefFormatError": {
          "fields": {
            "refs": {
              "rule": "repeated",
              "type": "bytes",
              "id": 2,
            },
          },
        },
        "PathError": {
          "fields": {
            "path": {
              "type": "bytes",
              "id": 1,
            },
            "errorType": {
              "type": "ErrorType",
              "id": 2,
            },
          },
          "nested": {
            "ErrorType": {
              "values": {
                "ERROR_TYPE_UNSPECIFIED": 0,
                "ERROR_TYPE_EMPTY_PATH": 1,
                "ERROR_TYPE_RELATIVE_PATH_ESCAPES_REPOSITORY": 2,
                "ERROR_TYPE_ABSOLUTE_PATH": 3,
                "ERROR_TYPE_LONG_PATH": 4,
                "ERROR_TYPE_INVALID_PATH": 5,
                "ERROR_TYPE_PATH_EXISTS": 6,
              },
            },
          },
        },
        "PathNotFoundError": {
          "fields": {
            "path": {
              "type": "bytes",
              "id": 1,
            },
          },
        },
        "ResolveRevisionError": {
          "fields": {
            "revision": {
              "type": "bytes",
              "id": 1,
            },
          },
        },
        "BadObjectError": {
          "fields": {
            "badOid": {
              "type": "bytes",
              "id": 1,
            },
          },
        },
        "AmbiguousReferenceError": {
          "fields": {
            "reference": {
              "type": "bytes",
              "id": 1,
            },
          },
        },
        "RemoteNotFoundError": {
          "fields": {},
        },
        "ChangesAlreadyAppliedError": {
          "fields": {},
        },
        "Repository": {
          "fields": {
            "storageName": {
              "type": "string",
              "id": 2,
            },
            "relativePath": {
              "type": "string",
              "id": 3,
            },
            "gitObjectDirectory": {
              "type": "string",
              "id": 4,
            },
            "gitAlternateObjectDirectories": {
              "rule": "repeated",
              "type": "string",
              "id": 5,
            },
            "glRepository": {
              "type": "string",
              "id": 6,
            },
            "glProjectPath": {
              "type": "string",
              "id": 8,
            },
          },
          "reserved": [
            [
              1,
              1,
            ],
            [
              7,
              7,
            ],
            "path",
          ],
        },
        "ExitStatus": {
          "fields": {
            "value": {
              "type": "int32",
              "id": 1,
            },
          },
        },
        "PackfileNegotiationStatistics": {
          "fields": {
            "payloadSize": {
              "type": "int64",
              "id": 1,
            },
            "packets": {
              "type": "int64",
              "id": 2,
            },
            "caps": {
              "rule": "repeated",
              "type": "string",
              "id": 3,
            },
            "wants": {
              "type": "int64",
              "id": 4,
            },
            "haves": {
              "type": "int64",
              "id": 5,
            },
            "shallows": {
              "type": "int64",
              "id": 6,
            },
            "deepen": {
              "type": "string",
              "id": 7,
            },
            "filter": {
              "type": "string",
              "id": 8,
            },
          },
        },
        "SSHService": {
          "methods": {
            "SSHUploadPack": {
              "requestType": "SSHUploadPackRequest",
              "requestStream": true,
              "responseType": "SSHUploadPackResponse",
              "responseStream": true,
            },
            "SSHUploadPackWithSidechannel": {
              "requestType": "SSHUploadPackWithSidechannelRequest",
              "responseType": "SSHUploadPackWithSidechannelResponse",
            },
            "SSHReceivePack": {
              "requestType": "SSHReceivePackRequest",
              "requestStream": true,
              "responseType": "SSHReceivePackResponse",
              "responseStream": true,
            },
            "SSHUploadArchive": {
              "requestType": "SSHUploadArchiveRequest",
              "requestStream": true,
              "responseType": "SSHUploadArchiveResponse",
              "responseStream": true,
            },
          },
        },
        "SSHUploadPackRequest": {
          "fields": {
            "repository": {
              "type": "Repository",
              "id": 1,
            },
            "stdin": {
              "type": "bytes",
              "id": 2,
            },
            "gitConfigOptions": {
              "rule": "repeated",
              "type": "string",
              "id": 4,
            },
            "gitProtocol": {
              "type": "string",
              "id": 5,
            },
          },
          "reserved": [
            [
              3,
              3,
            ],
            "git_config_parameters",
          ],
        },
        "SSHUploadPackResponse": {
          "fields": {
            "stdout": {
              "type": "bytes",
              "id": 1,
            },
            "stderr": {
              "type": "bytes",
              "id": 2,
            },
            "exitStatus": {
              "type": "ExitStatus",
              "id": 3,
            },
          },
        },
        "SSHUploadPackWithSidechannelRequest": {
          "fields": {
            "repository": {
              "type": "Repository",
              "id": 1,
            },
            "gitConfigOptions": {
              "rule": "repeated",
              "type": "string",
              "id": 2,
            },
            "gitProtocol": {
              "type": "string",
              "id": 3,
            },
          },
        },
        "SSHUploadPackWithSidechannelResponse": {
          "fields": {
            "packfileNegotiationStatistics": {
              "type": "PackfileNegotiationStatistics",
              "id": 1,
            },
          },
        },
        "SSHReceivePackRequest": {
          "fields": {
            "repository": {
              "type": "Repository",
              "id": 1,
            },
            "stdin": {
              "type": "bytes",
              "id": 2,
            },
            "glId": {
              "type": "string",
              "id": 3,
            },
            "glRepository": {
              "type": "string",
              "id": 4,
            },
            "glUsername": {
              "type": "string",
              "id": 5,
            },
            "gitProtocol": {
              "type": "string",
              "id": 6,
            },
            "gitConfigOptions": {
              "rule": "repeated",
              "type": "string",
              "id": 7,
            },
          },
        },
        "SSHReceivePackResponse": {
          "fields": {
            "stdout": {
              "type": "bytes",
              "id": 1,
            },
            "stderr": {
              "type": "bytes",
              "id": 2,
            },
            "exitStatus": {
              "type": "ExitStatus",
              "id": 3,
            },
          },
        },
        "SSHUploadArchiveRequest": {
          "fields": {
            "repository": {
              "type": "Repository",
              "id": 1,
            },
            "stdin": {
              "type": "bytes",
              "id": 2,
            },
          },
        },
        "SSHUploadArchiveResponse": {
          "fields": {
            "stdout": {
              "type": "bytes",
              "id": 1,
            },
            "stderr": {
              "type": "bytes",
              "id": 2,
            },
            "exitStatus": {
              "type": "ExitStatus",
              "id": 3,
            },
          },
        },
      },
    },
    "google": {
      "nested": {
        "rpc": {
          "nested": {
            "Status": {
              "fields": {
                "code": {
                  "type": "int32",
                  "id": 1,
                },
                "message": {
                  "type": "string",
                  "id": 2,
                },
                "details": {
                  "rule": "repeated",
                  "type": "google.protobuf.Any",
                  "id": 3,
                },
              },
            },
          },
        },
        "protobuf": {
          "nested": {
            "Any": {
              "fields": {
                "typeUrl": {
                  "type": "string",
                  "id": 1,
                },
                "value": {
                  "type": "bytes",
                  "id": 2,
                },
              },
            },
            "Duration": {
              "fields": {
                "seconds": {
                  "type": "int64",
                  "id": 1,
                },
                "nanos": {
                  "type": "int32",
                  "id": 2,
                },
              },
            },
          },
        },
      },
    },
    "gitlab": {
      "nested": {
        "cells": {
          "nested": {
            "topology_service": {
              "nested": {
                "ClassifyRequest": {
                  "fields": {
                    "claim": {
                      "type": "gitlab.cells.topology_service.types.v1.Claim",
                      "id": 4,
                    },
                  },
                  "reserved": [
                    [
                      2,
                      2,
                    ],
                    [
                      3,
                      3,
                    ],
                  ],
                },
                "ProxyInfo": {
                  "fields": {
                    "address": {
                      "type": "string",
                      "id": 1,
                    },
                  },
                },
                "ClassifyResponse": {
                  "fields": {
                    "action": {
                      "type": "ClassifyAction",
                      "id": 1,
                    },
                    "proxy": {
                      "type": "ProxyInfo",
                      "id": 2,
                    },
                  },
                  "nested": {
                    "ClassifyAction": {
                      "values": {
                        "ACTION_UNSPECIFIED": 0,
                        "PROXY": 1,
                      },
                    },
                  },
                },
                "ClassifyService": {
                  "methods": {
                    "Classify": {
                      "requestType": "ClassifyRequest",
                      "responseType": "ClassifyResponse",
                    },
                  },
                },
                "types": {
                  "nested": {
                    "v1": {
                      "nested": {
                        "Claim": {
                          "fields": {
                            "route": {
                              "type": "string",
                              "id": 1,
                            },
                            "username": {
                              "type": "string",
                              "id": 4,
                            },
                            "sshKeyFingerprint": {
                              "type": "string",
                              "id": 15,
                            },
                          },
                        },
                      },
                    },
                  },
                },
              },
            },
          },
        },
      },
    },
  },
};
