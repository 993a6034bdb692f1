# One connection of `nc -ll -e`: reads a request and answers it in the way that $0 names, with $1 where that needs more.
end=$(printf '\r')
read -r _ path _ || exit 0
host=- scheme=http
while read -r name value; do
  case $name in
    [Hh][Oo][Ss][Tt]:) host=${value%"$end"} ;;
    [Xx]-[Ff]orwarded-[Pp]roto:) scheme=${value%"$end"} ;;
    "$end" | '') break ;;
  esac
done

answer() { # STATUS TEXT [HEADER]
  printf 'HTTP/1.1 %s\r\nContent-Type: text/plain\r\nContent-Length: %s\r\nConnection: close\r\n' "$1" "${#2}"
  [ -z "${3-}" ] || printf '%s\r\n' "$3"
  printf '\r\n%s' "$2"
}

case $0 in
  hangs) exec sleep 3600 ;;
  slow)
    sleep "$1"
    answer '200 OK' 'at last'
    ;;
  status) answer "$1" 'as I was told to' ;;
  forever)
    printf 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n'
    exec yes 'and on it goes'
    ;;
  garbage) printf 'what would HTTP be?\n' ;;
  cut) printf 'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nthat is' ;;
  to-itself) answer '302 Found' '' "Location: $scheme://$host$path" ;;
  to-other-scheme)
    [ "$scheme" = http ] && other=https || other=http
    answer '302 Found' '' "Location: $other://$host$path"
    ;;
  to) answer '302 Found' '' "Location: $1" ;;
esac
