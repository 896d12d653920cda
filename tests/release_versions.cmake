# The places that name the version agree; in a copy of the tree each is made to disagree in turn, and must be named.
# cmake -D SOURCE=<the repository> -D VERSION=<of the CMake project> -D WORK=<a folder> -P release_versions.cmake
cmake_minimum_required(VERSION 3.25)

macro(check_versions root)
    execute_process(COMMAND ${root}/scripts/release --check-versions RESULT_VARIABLE status OUTPUT_VARIABLE output
                    ERROR_VARIABLE output)
endmacro()
check_versions(${SOURCE})
if(NOT status EQUAL 0 OR NOT output MATCHES "all places say ${VERSION},")
    message(FATAL_ERROR "${output}")
endif()

function(copy)
    file(REMOVE_RECURSE ${WORK})
    file(COPY ${SOURCE}/CHANGELOG.md ${SOURCE}/CITATION.cff ${SOURCE}/CMakeLists.txt ${SOURCE}/packaging ${SOURCE}/scripts
         DESTINATION ${WORK})
    file(COPY ${SOURCE}/include/xtensor-torch/version.hpp DESTINATION ${WORK}/include/xtensor-torch)
endfunction()

# In FILE, the first place that EXPRESSION matches becomes REPLACEMENT; the check must fail, and say WHAT.
function(expect_disagreement file expression replacement what)
    copy()
    file(READ ${WORK}/${file} text)
    string(REGEX MATCH "${expression}" found "${text}")
    if(NOT found)
        message(FATAL_ERROR "${file} has no ${expression}")
    endif()
    string(REPLACE "${found}" "${replacement}" text "${text}")
    file(WRITE ${WORK}/${file} "${text}")
    check_versions(${WORK})
    if(NOT status EQUAL 1 OR NOT output MATCHES "${what}")
        message(FATAL_ERROR "${file} with ${replacement} must be refused with \"${what}\"; it ended with ${status}:\n${output}")
    endif()
endfunction()

string(REPLACE "." "\\." version "${VERSION}")
expect_disagreement(include/xtensor-torch/version.hpp "VERSION_MINOR [0-9]+" "VERSION_MINOR 99" "CITATION.cff says ${version}")
expect_disagreement(include/xtensor-torch/version.hpp "VERSION_MINOR [0-9]+" "VERSION_MINOR x" "a version has three numbers")
expect_disagreement(CMakeLists.txt "project\\(" "set(version 9.9.9)\nproject(" "CMakeLists.txt says 9\\.9\\.9")
expect_disagreement(packaging/vcpkg/vcpkg.json "\"${version}\"" "\"9.9.9\"" "vcpkg.json says 9\\.9\\.9")
expect_disagreement(packaging/conda/recipe.yaml "\"${version}\"" "\"9.9.9\"" "recipe.yaml says 9\\.9\\.9")
expect_disagreement(packaging/debian/changelog "\\(${version}-" "(9.9.9-" "debian/changelog says 9\\.9\\.9")
expect_disagreement(CITATION.cff "\nversion: ${version}" "\nversion: 9.9.9" "CITATION.cff says 9\\.9\\.9")
expect_disagreement(packaging/conan/conanfile.py "\n    name = " "\n    version = \"9.9.9\"\n    name = " "conanfile.py says 9\\.9\\.9")
expect_disagreement(CHANGELOG.md "## \\[[^\n]*" "## [9.9.9] - 2020-02-02" "CHANGELOG.md says 9\\.9\\.9")
expect_disagreement(CHANGELOG.md "## \\[[^\n]*" "## [${VERSION}] - 1999-09-09" "CHANGELOG.md says 1999-09-09")
expect_disagreement(CHANGELOG.md "## \\[[^\n]*" "## [Unreleased]\n\n## [${VERSION}] - 1999-09-09" "must name a newer one")
file(REMOVE_RECURSE ${WORK})
